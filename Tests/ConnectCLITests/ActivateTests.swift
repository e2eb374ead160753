import ConnectToTesting
import Testing

/// The bus looks where the scripts' XDG_DATA_HOME is.
@Suite(
    "connect activate", .privateBus(services: "work/data/dbus-1/services"), .timeLimit(.minutes(1)),
    .enabled(if: BusProgram.chosen.startsServices, "dbus-broker leaves starting services to systemd"))
struct ActivateTests {
    private func run(_ script: String) async throws -> Shell.Outcome {
        try await Shell.run(
            "export XDG_DATA_HOME=$PWD/data; services=$XDG_DATA_HOME/dbus-1/services\n" + script)
    }

    @Test("After activate, the first call starts the listener, and the next call finds it running")
    func firstCallStartsTheListener() async throws {
        let outcome = try await run(
            """
            connect activate x -- connect listen x --exec -- sh -c 'echo started by $CONNECT_NAME; cat' || exit
            connect list
            connect to x one
            connect to x two
            connect list --json | wc -l
            """)
        #expect(outcome.lines == ["started by x", "one", "started by x", "two", "1"])
        #expect(outcome.errors.contains("wrote "))
        #expect(!outcome.errors.contains("does not know the file"))
    }

    @Test("connect activate passes each word of the command on unchanged, with quotes, blanks and control characters")
    func passesEachWordOfTheCommandUnchanged() async throws {
        let outcome = try await run(
            #"""
            cat >show <<'END'
            #!/bin/sh
            printf '<%s>\n' "$@" >"$OUT"; exit 1
            END
            chmod +x show
            OUT=$PWD/seen
            connect activate 'a b' -- env OUT="$OUT" "$PWD/show" "" ' ' "it's" '"' '\' 'a\nb' "$(printf 'new\nline\ttab')" \
                '$HOME `x`' '# no' é '%s' -- --x
            connect to 'a b' hello 2>/dev/null
            cat seen
            """#)
        #expect(outcome.status == 0)
        #expect(
            outcome.lines == [
                "<>", "< >", "<it's>", "<\">", "<\\>", "<a\\nb>", "<new", "line\ttab>", "<$HOME `x`>",
                "<# no>", "<é>",
                "<%s>", "<-->", "<--x>",
            ])
    }

    @Test("connect activate finds its command in PATH as listen --exec does, and reports a wrong one in the same words")
    func findsTheCommandAsExecDoes() async throws {
        let outcome = try await run(
            """
            mkdir -p first/tool second directory; touch second/plain
            printf '#!/bin/sh\\n' >second/tool; chmod +x second/tool; PATH=first:second:$PATH
            connect activate x -- tool && tail -n1 "$services"/*.x.service
            echo "Exec=$PWD/second/tool"
            connect activate y -- ./directory; echo $?; connect activate z -- second/plain; echo $?
            ls "$services" | wc -l
            """)
        #expect(outcome.lines.count == 5)
        #expect(outcome.lines.first == outcome.lines.dropFirst().first)
        #expect(outcome.lines.dropFirst(2) == ["64", "64", "1"])
        #expect(outcome.errors.contains("./directory: it is a directory; "))
        #expect(outcome.errors.contains("second/plain: it is not executable; "))
    }

    @Test("list, watch and info start no activated listener")
    func listWatchAndInfoStartNoListener() async throws {
        let outcome = try await run(
            """
            connect activate x -- touch $PWD/touched
            connect list; connect list --json
            start w connect watch; kill $pid
            ls
            """)
        #expect(!outcome.text.contains("touched"))
    }

    @Test("A caller of an activated listener that fails to start exits with 76 and the listener's exit status")
    func callerGetsTheReasonOfAFailedStart() async throws {
        let outcome = try await run(
            """
            printf '#!/nowhere/sh\\n' >broken; chmod +x broken
            connect activate broken -- ./broken; connect to broken hello; echo $?
            connect activate ends -- sh -c 'exit 3'; connect to ends hello; echo $?
            connect activate killed -- sh -c 'kill -9 $$'; connect to killed hello --wait 60; echo $?
            """)
        #expect(outcome.lines == ["76", "76", "76"])
        #expect(outcome.errors.contains("the bus could not start it"))
        #expect(outcome.errors.contains("status 3"))
        #expect(outcome.errors.contains("signal 9"))
    }

    @Test("connect activate replaces or removes a service file that another program has written only with --force")
    func forceReplacesAServiceFileOfAnotherProgram() async throws {
        let outcome = try await run(
            """
            file=$services/org.connectto.Context.x.service
            mkdir -p "$services"; echo mine >"$file"
            connect activate x -- true; echo $?; connect activate x --remove; echo $?; cat "$file"
            connect activate x --force -- true && connect activate x -- false && tail -n1 "$file"
            connect activate x --remove; echo $?; connect activate x --remove; echo $?
            ls -A "$services"
            """)
        #expect(outcome.lines == ["73", "73", "mine", "Exec=/usr/bin/false", "0", "68"])
    }

    @Test("Two activate commands for one name at the same time both succeed and leave one whole service file")
    func twoAtTheSameTimeLeaveOneWholeFile() async throws {
        let outcome = try await run(
            """
            for round in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
                rm -f "$services"/*
                connect activate x -- echo one $round 2>first & first=$!
                connect activate x -- echo two $round 2>second & second=$!
                wait $first; echo $?; wait $second; echo $?
                tail -n1 "$services"/org.connectto.Context.x.service | cut -d' ' -f2-
                ls -A "$services" | wc -l
                grep -hv '^wrote ' first second
            done
            """)
        #expect(outcome.errors.isEmpty)
        let lines = outcome.lines
        #expect(lines.count == 80)
        for round in 1...20 {
            let said = lines.dropFirst(4 * (round - 1)).prefix(4)
            #expect(Array(said.prefix(2)) == ["0", "0"], "round \(round)")
            #expect(["one \(round)", "two \(round)"].contains(said.dropFirst(2).first), "round \(round)")
            #expect(said.last == "1", "round \(round)")
        }
    }

    @Test("connect activate writes, and removes, the service file of a name of any permitted length")
    func activatesNamesOfAnyLength() async throws {
        let outcome = try await run(
            """
            for length in 221 222 225 226 233; do
                name=$(printf %${length}s '' | tr ' ' n)
                connect activate $name -- connect listen $name --exec sh -c 'printf $CONNECT_NAME | wc -c' &&
                connect to $name hello </dev/null; connect doctor $name | grep -c 'ok *service'
                connect activate $name --remove || echo failed
            done
            ls -A "$services"
            """)
        #expect(outcome.lines == ["221", "222", "225", "226", "233"].flatMap { [$0, "1"] }, "\(outcome.errors)")
    }

    @Test("connect to says of a started program that it has not registered the name yet, where it takes too long")
    func slowStartIsNamed() async throws {
        let outcome = try await run(
            """
            connect activate x -- sh -c 'echo $$ >"$0"; exec tail -f /dev/null' "$PWD/started" 2>/dev/null || exit
            connect to x hello --wait 1; echo $?
            kill $(cat started)
            """)
        #expect(outcome.lines == ["75"])
        #expect(outcome.errors.contains("the bus starts its program, which has not registered it yet; see"))
    }

    @Test("connect doctor checks that the bus knows a name's service file and that the file's program exists")
    func doctorChecksTheServiceFile() async throws {
        let outcome = try await run(
            """
            printf '#!/bin/sh\\n' >here; chmod +x here
            connect activate good -- ./here; connect doctor good | grep service; connect doctor good >/dev/null; echo $?
            connect activate gone -- ./here a b; rm here
            connect doctor gone | grep service; connect doctor gone >/dev/null; echo $?
            export XDG_DATA_HOME=$PWD/other; connect activate unseen -- true
            connect doctor unseen | grep service; connect doctor unseen >/dev/null; echo $?
            connect doctor nothing | grep -c service
            """)
        let lines = outcome.lines
        #expect(lines.count == 7)
        #expect(lines.first?.hasPrefix("ok       service: the bus knows ") == true)
        #expect(lines.dropFirst().first == "0")
        #expect(lines.dropFirst(2).first?.contains("the bus knows ") == true)
        #expect(lines.dropFirst(2).first?.contains("/here does not exist or is not executable") == true)
        #expect(lines.dropFirst(3).first == "76")
        #expect(lines.dropFirst(4).first?.contains("the bus does not know it and starts no listener") == true)
        #expect(lines.dropFirst(5) == ["69", "0"])
    }

    @Test("After activate --remove, a call does not start the listener and exits with 68")
    func removedListenerIsNotStarted() async throws {
        let outcome = try await run(
            """
            connect activate x -- connect listen x --exec cat; connect activate x --remove
            connect to x hello; echo $?
            """)
        #expect(outcome.lines == ["68"])
    }

    @Test("connect activate --origin writes the service file for the name under that origin")
    func originAppliesToTheServiceFile() async throws {
        let outcome = try await run(
            """
            connect activate x --origin org.example.App --json -- connect listen x --origin org.example.App --exec cat |
                sed "s|$PWD/||"
            connect to x --origin org.example.App hello
            """)
        #expect(
            outcome.lines == [
                #"{"event":"activated","name":"x","origin":"org.example.App","#
                    + #""file":"data/dbus-1/services/org.example.App.Context.x.service","known":true}"#,
                "hello",
            ])
    }

    @Test("connect activate exits with 69 where the bus does not read the directory, and with 0 where no bus runs")
    func directoryThatTheBusDoesNotReadIs69() async throws {
        let outcome = try await run(
            """
            XDG_DATA_HOME=$PWD/other connect activate x -- true; echo $?
            connect activate x --bus unix:path=/nowhere -- true; echo $?
            ls other/dbus-1/services data/dbus-1/services | grep -c service$
            """)
        #expect(outcome.lines == ["69", "0", "2"])
        #expect(outcome.errors.contains("connect: wrote ") && outcome.errors.contains("does not know the file"))
        #expect(outcome.errors.contains("the bus could not be reached, and reads its service files when it starts"))
    }

    @Test(
        "connect activate exits with 64 for arguments that cannot work",
        arguments: [
            "x", "x --", "x --remove -- true", "x -- no-such-program", "x --bus system -- true", "'' -- true",
        ])
    func impossibleArgumentsAre64(arguments: String) async throws {
        #expect(try await run("connect activate \(arguments)").status == 64)
    }

    @Test("connect activate explains that an option after the two dashes belongs before them")
    func optionAfterTheTwoDashesIsExplained() async throws {
        let outcome = try await run("connect activate x -- --remove")
        #expect(outcome.status == 64)
        #expect(outcome.errors.contains("write options before the two dashes"))
    }
}
