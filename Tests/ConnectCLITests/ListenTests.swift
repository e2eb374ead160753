import ConnectToTesting
import Testing

@Suite("connect listen", .privateBus, .timeLimit(.minutes(1))) struct ListenTests {
    @Test(
        "connect listen says that it can be found, prints each message on a text line, and stays after the end of its input"
    )
    func printsMessagesAndStaysAfterItsInput() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen the-listener
            echo "$first"
            connect to the-listener Hello '' 'second line' </dev/null; echo "to $?"
            connect to the-listener again </dev/null; echo "to $?"
            kill -TERM $pid; ends $pid
            cat l.out
            connect list --json
            """)
        #expect(
            outcome.lines == [
                "listening as the-listener", "to 0", "to 0", "143", "Hello", "", "second line", "again",
            ])
    }

    @Test("connect listen posts each text line of its input to every open port")
    func inputGoesToEveryOpenPort() async throws {
        let outcome = try await Shell.run(
            """
            converse l connect listen x --json
            next >/dev/null
            hold a connect to x --replies 2; a=$held; next >/dev/null
            hold b connect to x --replies 2; b=$held; next >/dev/null
            printf 'one\\n\\n' >&7
            ends $a; ends $b
            cat a.out b.out
            kill $pid
            """)
        #expect(outcome.lines == ["0", "0", "one", "", "one", ""])
    }

    @Test("connect listen does not read its input while no port is open")
    func inputIsReadOnlyWhileAPortIsOpen() async throws {
        let outcome = try await Shell.run(
            """
            printf 'one\\ntwo\\n' >input
            mkfifo l.fifo
            connect listen x <input >l.out 2>l.fifo & pid=$!
            heard l
            grep pos /proc/$pid/fdinfo/0 | tr -d '\\t'
            hold a connect to x --replies 2
            ends $held
            cat a.out
            kill $pid
            """)
        #expect(outcome.lines == ["pos:0", "0", "one", "two"])
    }

    @Test("connect listen keeps a text line that it read while the last port closed for the next port")
    func lineReadAtTheLastCloseIsKept() async throws {
        let outcome = try await Shell.run(
            """
            converse l connect listen x --json
            next >/dev/null
            connect to x first --no-reply
            until next | grep -q '"reason":"closed"'; do :; done
            echo kept >&7
            hold a connect to x --replies 1
            ends $held
            cat a.out
            kill $pid
            """)
        #expect(outcome.lines == ["0", "kept"])
    }

    @Test("connect listen prints text lines that are not UTF-8 byte for byte")
    func linesThatAreNotUTF8ComeOutByteForByte() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x
            printf 'a\\377b\\r\\n\\n\\303\\251\\nno newline' | connect to x
            connect to x "$(printf 'arg\\376')" </dev/null
            kill $pid; wait $pid
            cat l.out
            """)
        let expected: [UInt8] =
            Array("a".utf8) + [0xFF] + Array("b\r\n\né\nno newline\narg".utf8) + [0xFE] + Array("\n".utf8)
        #expect(outcome.output == expected)
    }

    @Test("connect listen prints each text line of a hundred callers once, each caller's in order")
    func hundredCallersAtOnce() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x
            callers=
            for caller in $(seq 1 100); do
                seq -f "$caller %g" 1 200 | connect to x & callers="$callers $!"
            done
            for caller in $callers; do wait $caller || echo failed; done
            kill $pid; wait $pid
            wc -l <l.out
            for caller in $(seq 1 100); do seq -f "$caller %g" 1 200; done >all
            sort -s -n -k1,1 l.out | cmp - all && echo same
            """)
        #expect(outcome.lines == ["20000", "same"])
    }

    @Test(
        "connect listen registers, and connect to calls, names with blanks, control characters and any letters",
        arguments: [
            "a/b.c-d:e_f g", "tab\tand\nnewline", "7seas", "-dash", "日本", String(repeating: "n", count: 200),
        ])
    func anyNameCanBeListenedOnAndCalled(_ name: String) async throws {
        let quoted = "'\(name)'"
        let outcome = try await Shell.run(
            """
            start l connect listen -- \(quoted)
            connect to -- \(quoted) hello </dev/null; echo $?
            connect list | wc -l
            kill $pid; wait $pid
            cat l.out
            """)
        #expect(outcome.lines == ["0", "2", "hello"])
    }

    @Test("A second listen on a name exits with 73 and names the process that has it")
    func takenNameIs73() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x
            connect listen x </dev/null 2>&1 | sed "s/$pid/PID/" | grep -oE 'PID \\(connect\\)|--standby'
            connect listen x </dev/null 2>errors; echo $?; wc -l <errors
            """)
        #expect(outcome.lines == ["PID (connect)", "--standby", "73", "1"])
    }

    @Test("connect listen --standby says that it stands by, takes the name when its owner goes, and says so")
    func standbyTakesOverWhenTheOwnerGoes() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x; l=$pid
            mkfifo s.fifo
            connect listen x --standby --json </dev/null >s.out 2>s.fifo & s=$!
            exec 5<s.fifo
            read -r said <&5; echo "$said"
            kill $l; wait $l
            read -r said <&5; echo "$said"
            connect to x hello </dev/null; echo $?
            kill $s; ends $s
            cut -d, -f1 s.out
            """)
        #expect(
            outcome.lines == [
                "standing by for x", "listening as x", "0", "143", #"{"event":"standby""#,
                #"{"event":"listening""#, #"{"event":"connect""#, #"{"event":"message""#,
                #"{"event":"finish""#, #"{"event":"close""#,
            ])
    }

    @Test("connect listen --standby waits for a bus that is gone, and listens at once on a free name")
    func standbyWaitsForTheBus() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --standby; echo "$first"
            start s connect listen x --standby; echo "$first"
            kill -KILL \(try PrivateBus.current.processID)
            until grep -q 'the bus is gone' s.err; do :; done
            kill $pid; ends $pid; said s; grep -c . s.err
            """)
        #expect(outcome.lines == ["listening as x", "standing by for x", "143", "1"])
    }

    @Test("connect listen and watch exit with 69 when the bus stays away for longer than --patience")
    func busAwayForLongerThanPatienceIs69() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --patience 0.2; l=$pid
            start w connect watch --patience 0.2
            kill -KILL \(try PrivateBus.current.processID)
            ends $l; ends $pid
            until grep -q 'connect: the bus is gone' l.err && grep -q 'connect: .*bus' w.err; do :; done
            """)
        #expect(outcome.lines == ["69", "69"])
    }

    @Test(
        "connect listen exits with 64 and one line for an invalid name",
        arguments: [
            "''", "\"$(printf '\\377')\"", "$(seq -s é 1 90)", "x --origin nodots",
            "x --origin \"$(printf 'a.\\377')\"",
        ])
    func invalidNameIs64(_ arguments: String) async throws {
        let outcome = try await Shell.run("connect listen \(arguments)")
        #expect(outcome.status == 64)
        #expect(outcome.errors.hasPrefix("connect: "))
        #expect(outcome.errors.count { $0 == "\n" } == 1)
    }

    @Test("connect listen names the limit for a name that is too long")
    func tooLongNameNamesTheLimit() async throws {
        let outcome = try await Shell.run("connect listen $(seq -s é 1 90)")
        #expect(outcome.errors.contains("233"))
    }

    @Test("connect to sends a text line of 64 MiB, and exits with 65 for a longer one")
    func lineOver64MiBIs65() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x
            head -c 67108864 /dev/zero | tr '\\0' a | connect to x; echo $?
            head -c 67108865 /dev/zero | tr '\\0' a | connect to x; echo $?
            kill $pid; wait $pid
            wc -c <l.out
            """)
        #expect(outcome.lines == ["0", "65", "67108865"])
        #expect(outcome.errors.contains("64 MiB"))
    }
}
