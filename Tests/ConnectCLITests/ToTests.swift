import ConnectTo
import ConnectToTesting
import Testing

@Suite("to", .privateBus, .timeLimit(.minutes(1))) struct ToTests {
    @Test("Fails at once with 68 where nobody has the name, with one line")
    func noSuchName() async throws {
        let outcome = try await Shell.run("connect to nobody hello")
        #expect(outcome.status == 68)
        #expect(outcome.errors.contains("--wait"))
        #expect(outcome.errors.count { $0 == "\n" } == 1)
    }

    @Test("With --wait it waits for the name")
    func waits() async throws {
        let outcome = try await Shell.run(
            """
            connect to x hello --wait 50 </dev/null & to=$!
            start l connect listen x
            ends $to
            kill $pid; wait $pid; cat l.out
            """)
        #expect(outcome.lines == ["0", "hello"])
    }

    @Test("With --wait it gives up with 75")
    func waitsInVain() async throws {
        let outcome = try await Shell.run("connect to x hello --wait 0.1")
        #expect(outcome.status == 75)
        #expect(outcome.errors.contains("connect doctor x"))
    }

    @Test("Exits after so many replies, though its input goes on")
    func replies() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --exec sh -c 'seq 1 10; cat >/dev/null'
            hold a connect to x --replies 3
            ends $held; cat a.out
            """)
        #expect(outcome.lines == ["0", "1", "2", "3"])
    }

    @Test("Fewer replies than asked for are 74")
    func fewReplies() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --exec echo one
            connect to x --replies 2 </dev/null; echo $?
            """)
        #expect(outcome.lines == ["one", "74"])
    }

    @Test("With --no-reply it exits as soon as all is delivered")
    func noReply() async throws {
        let outcome = try await Shell.run(
            """
            converse l connect listen x --once
            connect to x one two --no-reply; echo $?
            next; next
            """)
        #expect(outcome.lines == ["0", "one", "two"])
    }

    @Test("With --no-reply a missing name is still told")
    func noReplyNobody() async throws {
        #expect(try await Shell.run("connect to x one --no-reply").status == 68)
        #expect(try await Shell.run("echo one | connect to x --no-reply").status == 68)
    }

    @Test("--timeout bounds the whole call with 75", arguments: ["", "--replies 1", "--wait 100"])
    func timeout(_ option: String) async throws {
        let outcome = try await Shell.run(
            """
            \(option.hasPrefix("--wait") ? "" : "start l connect listen x")
            hold a connect to x \(option) --timeout 0.2
            ends $held; grep -c . a.err
            """)
        #expect(outcome.lines == ["75", "1"])
    }

    @Test("Waiting for no time at all is not waiting: 68")
    func waitsForNoTime() async throws {
        #expect(try await Shell.run("connect to x hello --wait 0").status == 68)
    }

    @Test("--timeout waits for no peer that takes nothing")
    func timeoutOfStalledPeer() async throws {
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
            wait $!; grep -cE 'look at what x does|x has not answered' errors; cat took
            """)
        // Which of the two it says depends on whether x was stopped before its answer was out.
        #expect(outcome.lines.dropLast() == ["75", "1"])
        // Leaving in order would take two seconds more.
        #expect(try #require(outcome.lines.last.flatMap { Int($0) }) < 2_900)
    }

    @Test(
        "What --timeout cuts short for want of our own input is no fault of the peer's",
        arguments: ["", "--raw", "--bytes"])
    func timeoutOfInput(_ option: String) async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x \(option == "--raw" ? option : "")
            hold a connect to x \(option) --timeout 0.3
            ends $held; grep -c 'standard input has not ended' a.err
            """)
        #expect(outcome.lines == ["75", "1"])
    }

    @Test("--timeout waits for no reader that takes nothing")
    func timeoutOfStalledReader() async throws {
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
        "A call that is given up before it is open ends as cancelled, or timed out",
        arguments: [
            ("", "130", "cancelled"), ("--timeout 0.2", "75", "timed-out"),
        ])
    func givenUp(_ option: String, _ code: String, _ reason: String) async throws {
        let outcome = try await Shell.run(
            """
            hold a connect to x hello --json --wait 100 \(option)
            # It has a port once it has five sockets: two for signals, the bus's, and the line's two ends.
            calling() { test "$(ls -l /proc/$held/fd | grep -c socket:)" -ge 5; }
            \(option.isEmpty ? "until calling; do :; done; kill -INT $held" : ":")
            ends $held; grep close a.out
            """)
        #expect(outcome.lines == [code, #"{"event":"close","port":1,"reason":"\#(reason)"}"#])
    }

    @Test("Half-closes at the end of its input, and prints what comes back after that")
    func halfClose() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --exec sort
            printf 'c\\na\\nb' | connect to x; echo $?
            """)
        #expect(outcome.lines == ["a", "b", "c", "0"])
    }

    @Test("A peer that closes before the end of the input is 74")
    func peerClosed() async throws {
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

    @Test("A peer that is killed is 76")
    func peerKilled() async throws {
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

    @Test("A refusal is 77")
    func refused() async throws {
        let bus = try await Bus.at(PrivateBus.current.address)
        let context = try await bus.register("busy", options: .init(admission: .any()))
        let outcome = try await Shell.run("connect to busy hello")
        #expect(outcome.status == 77)
        await context.unregister()
    }

    @Test("With --json each message is an object, and so is the end")
    func json() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --exec printf 'one\\n\\377\\n'
            connect to x --json </dev/null; echo $?
            connect to y --json 2>/dev/null </dev/null | grep -o '"event":"error","code":68'
            """)
        #expect(
            outcome.lines == [
                #"{"event":"message","port":1,"text":"one"}"#,
                #"{"event":"message","port":1,"base64":"/w=="}"#,
                #"{"event":"close","port":1,"reason":"closed"}"#, "0", #""event":"error","code":68"#,
            ])
    }

    @Test("A message that contains newlines is printed as it is, and --json keeps its borders")
    func newlines() async throws {
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

    @Test("--wait bounds the answer of a listener that hangs, too; --timeout a bus that hangs")
    func hanging() async throws {
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
