import ConnectTo
import ConnectToTesting
import Testing

@Suite("connect to", .privateBus, .timeLimit(.minutes(1))) struct ToTests {
    @Test("connect to exits at once with 68 and one line for a name without an owner")
    func nameWithoutAnOwnerIs68() async throws {
        let outcome = try await Shell.run("connect to nobody hello")
        #expect(outcome.status == 68)
        #expect(outcome.errors.contains("--wait"))
        #expect(outcome.errors.count { $0 == "\n" } == 1)
    }

    @Test("connect to --wait waits until the name is registered")
    func waitReachesALaterListener() async throws {
        let outcome = try await Shell.run(
            """
            connect to x hello --wait 50 </dev/null & to=$!
            start l connect listen x
            ends $to
            kill $pid; wait $pid; cat l.out
            """)
        #expect(outcome.lines == ["0", "hello"])
    }

    @Test("connect to --wait exits with 75 where the name is not registered in time")
    func waitInVainIs75() async throws {
        let outcome = try await Shell.run("connect to x hello --wait 0.1")
        #expect(outcome.status == 75)
        #expect(outcome.errors.contains("connect doctor x"))
    }

    @Test("connect to says of a stopped listener that its program does not answer, with two pieces of advice at most")
    func stoppedListenerIsNamed() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x; freeze $pid
            connect to x hello 2>a.err & short=$!
            connect to x hello --wait 1; echo $?
            wait $short; echo $?; cat a.err; kill -KILL $pid
            """)
        let what = #"connect: "x" did not answer the call in time: its program is stopped or busy; "#
        #expect(outcome.errors == what + "see connect doctor x\n")
        #expect(outcome.lines == ["75", "75", what + "allow more time (--wait), or see connect doctor x"])
    }

    @Test("A shell watches what a listener pushes by keeping the input of connect to open, as docs/scripts.md shows")
    func shellWatchesWhatAListenerPushes() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen prices --as-json --exec -- sh -c '
                read -r request; echo 3; if timeout 0.2 cat; then echo \"left\"; else echo 4; fi'
            mkfifo request; exec 3<>request
            echo '{"subscribe":"tea"}' >&3
            connect to prices --as-json <request | while read -r price; do echo "tea costs $price"; done
            exec 3>&-; kill $pid
            """)
        #expect(outcome.lines == ["tea costs 3", "tea costs 4"])
    }

    @Test("connect to --replies exits after that many messages, although its input goes on")
    func repliesEndTheCall() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --exec sh -c 'seq 1 10; cat >/dev/null'
            hold a connect to x --replies 3
            ends $held; cat a.out
            """)
        #expect(outcome.lines == ["0", "1", "2", "3"])
    }

    @Test("connect to --replies exits with 74 where fewer messages come")
    func fewerRepliesAre74() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --exec echo one
            connect to x --replies 2 </dev/null; echo $?
            """)
        #expect(outcome.lines == ["one", "74"])
    }

    @Test("connect to --no-reply exits as soon as everything is delivered")
    func noReplyEndsAfterDelivery() async throws {
        let outcome = try await Shell.run(
            """
            converse l connect listen x --once
            connect to x one two --no-reply; echo $?
            next; next
            """)
        #expect(outcome.lines == ["0", "one", "two"])
    }

    @Test("connect to --no-reply exits with 68 for a name without an owner")
    func noReplyWithoutAnOwnerIs68() async throws {
        #expect(try await Shell.run("connect to x one --no-reply").status == 68)
        #expect(try await Shell.run("echo one | connect to x --no-reply").status == 68)
    }

    @Test("connect to --timeout ends the whole call with 75", arguments: ["", "--replies 1", "--wait 100"])
    func timeoutBoundsTheCall(_ option: String) async throws {
        let outcome = try await Shell.run(
            """
            \(option.hasPrefix("--wait") ? "" : "start l connect listen x")
            hold a connect to x \(option) --timeout 0.2
            ends $held; grep -c . a.err
            """)
        #expect(outcome.lines == ["75", "1"])
    }

    @Test("connect to --wait 0 does not wait and exits with 68")
    func waitOfZeroDoesNotWait() async throws {
        #expect(try await Shell.run("connect to x hello --wait 0").status == 68)
    }

    @Test("connect to --timeout does not wait for a listener that takes nothing")
    func timeoutEndsACallToAStoppedListener() async throws {
        let outcome = try await Shell.run(
            """
            converse l connect listen x --json
            next >/dev/null
            head -c 10000000 /dev/zero | tr '\\0' a | fold -w 1000 >input
            { cat input; tail -f /dev/null 7>&- 8<&-; } 2>/dev/null | {
                since=$(date +%s%N)
                connect to x --timeout 1 2>errors; echo $?
                echo $((($(date +%s%N) - since) / 1000000)) >took
            } 7>&- 8<&- &
            next >/dev/null; freeze $pid
            wait $!; grep -cE 'x has not ended the call; look at what it does|x has not answered' errors; cat took
            """)
        // Which of the two it says depends on whether x was stopped before its answer was out.
        #expect(outcome.lines.dropLast() == ["75", "1"])
        // Leaving in order would take two seconds more.
        #expect(try #require(outcome.lines.last.flatMap { Int($0) }) < 2_900)
    }

    @Test(
        "connect to --timeout names its own standard input where that had not ended",
        arguments: ["", "--raw", "--bytes"])
    func timeoutNamesUnendedInput(_ option: String) async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x \(option == "--raw" ? option : "")
            hold a connect to x \(option) --timeout 0.3
            ends $held; grep -c 'standard input has not ended' a.err
            """)
        #expect(outcome.lines == ["75", "1"])
    }

    @Test("connect to --timeout does not wait for a reader of its output that takes nothing")
    func timeoutEndsACallWithAStoppedReader() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --exec seq 1 1000000
            mkfifo a.fifo; exec 5<>a.fifo
            connect to x --timeout 0.2 </dev/null >a.fifo; echo $?
            """)
        #expect(outcome.lines == ["75"])
        #expect(outcome.errors.count { $0 == "\n" } == 1)
    }

    @Test(
        "A call that a signal or --timeout ends before it is open ends as cancelled or timed-out",
        arguments: [
            ("", "130", "cancelled"), ("--timeout 0.2", "75", "timed-out"),
        ])
    func callEndedBeforeItOpensIsCancelledOrTimedOut(_ option: String, _ code: String, _ reason: String) async throws {
        let outcome = try await Shell.run(
            """
            hold a connect to x hello --json --wait 100 \(option)
            # It has a port once it has three sockets: the bus's, and the line's two ends.
            calling() { test "$(ls -l /proc/$held/fd | grep -c socket:)" -ge 3; }
            \(option.isEmpty ? "until calling; do :; done; kill -INT $held" : ":")
            ends $held; grep close a.out
            """)
        #expect(outcome.events == [code, #"{"event":"close","port":1,"reason":"\#(reason)"}"#])
    }

    @Test("connect to ends its side at the end of its input and prints what comes back after that")
    func printsAnswersAfterTheEndOfItsInput() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --exec sort
            printf 'c\\na\\nb' | connect to x; echo $?
            """)
        #expect(outcome.lines == ["a", "b", "c", "0"])
    }

    @Test("connect to exits with 74 where the listener closes before the end of the input")
    func listenerThatClosesTooEarlyIs74() async throws {
        let outcome = try await Shell.run(
            """
            converse l connect listen x --json
            next >/dev/null
            hold a connect to x; next >/dev/null
            kill -TERM $pid
            ends $held; grep -c . a.err
            """)
        #expect(outcome.lines == ["74", "1"])
    }

    @Test("connect to exits with 76 where the listener is killed")
    func killedListenerIs76() async throws {
        let outcome = try await Shell.run(
            """
            converse l connect listen x --json
            next >/dev/null
            hold a connect to x; next >/dev/null
            kill -KILL $pid
            ends $held; grep -c . a.err
            """)
        #expect(outcome.lines == ["76", "1"])
    }

    @Test("connect to exits with 77 where the listener refuses the call")
    func refusalIs77() async throws {
        let bus = try await Bus.at(PrivateBus.current.address)
        let context = try await bus.register("busy", options: .init(admission: .any()))
        let outcome = try await Shell.run("connect to busy hello")
        #expect(outcome.status == 77)
        #expect(outcome.errors.hasSuffix("; ask the user who runs it\n"))
        await context.unregister()
    }

    @Test("connect to shows the reason of a listener that refuses it, with no other advice, and as detail with --json")
    func reasonOfTheListenerStandsAlone() async throws {
        let bus = try await Bus.at(PrivateBus.current.address)
        let reason = "the printer is out of paper"
        let ruled = try await bus.register("ruled", options: .init(admission: .any(), refusal: reason))
        let screening = Screening { _ in .refuse(because: reason) }
        let screened = try await bus.register("screened", options: .init(screening: screening))
        for context in [ruled, screened] {
            let name = context.name
            let outcome = try await Shell.run("connect to \(name) hello; connect to \(name) --json hello 2>/dev/null")
            #expect(outcome.errors == "connect: \"\(name)\" refused the call: \(reason)\n")
            let detail = #"\"\#(name)\" refused the call: \#(reason)"#
            #expect(
                outcome.lines.first == #"{"event":"close","port":1,"reason":"refused","detail":"\#(detail)"}"#)
            await context.unregister()
        }
    }

    @Test("connect to --json writes each message, and the end, as an object")
    func jsonWritesEachEventAsAnObject() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --exec printf 'one\\n\\377\\n'
            connect to x --json </dev/null; echo $?
            connect to y --json 2>/dev/null </dev/null | grep -o '"event":"error","code":68'
            """)
        #expect(
            outcome.events == [
                #"{"event":"message","port":1,"text":"one"}"#,
                #"{"event":"message","port":1,"base64":"/w=="}"#,
                #"{"event":"close","port":1,"reason":"closed"}"#, "0", #""event":"error","code":68"#,
            ])
    }

    @Test("A message that contains newlines is printed unchanged, and is one object with --json")
    func messageWithNewlinesIsPrintedUnchanged() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x; l=$pid
            start j connect listen y --json; j=$pid
            connect to x "$(printf 'two\\nlines')" </dev/null
            connect to y "$(printf 'two\\nlines')" </dev/null
            kill $l $j; wait $l $j; cat l.out; grep -o 'two.*' j.out
            """)
        #expect(outcome.lines == ["two", "lines", #"two\nlines"}"#])
    }

    @Test("connect to --wait bounds the answer of a stopped listener, and --timeout that of a stopped bus")
    func stoppedListenerOrBusIsBounded() async throws {
        let outcome = try await Shell.run(
            StallingBus.before(
                "org.connectto.Context1",
                """
                start l connect listen x; freeze $pid
                timeout 4 connect to x --wait 1 hello; echo $?
                timeout 4 connect to x --expect same-user --wait 1 hello; echo $?
                timeout 4 connect to x --timeout 1 hello; echo $?
                timeout 4 connect to x --bus $stalling --wait 1 hello; echo $?
                kill -KILL $pid
                """))
        #expect(outcome.lines == ["75", "75", "75", "75"], "\(outcome.errors)")
    }
}
