import ConnectToTesting
import Testing

/// A command whose answer nobody wants any more is ended, with its process group.
@Suite("The end of a command of connect serve", .privateBus, .timeLimit(.minutes(1))) struct ServeEndTests {
    /// A command that says when it has begun and when it was asked to end; it and its children hold the pipe `alive` open.
    private static let script = """
        mkfifo began alive ended
        cat >slow <<'end'
        #!/bin/sh
        trap 'echo asked >>log; exit 1' TERM
        exec 5>alive; sleep 600 & echo >began; wait
        end
        cat >deaf <<'end'
        #!/bin/sh
        trap '' TERM
        exec 5>alive; sleep 600 & echo >began; wait; wait; sleep 600
        end
        chmod +x slow deaf
        # gone: waits until no process has the pipe any more.
        { cat alive; echo gone; } >gone & watcher=$!

        """

    @Test(
        "A command gets SIGTERM, with its children, when the caller dies, gives up, or has no time left",
        arguments: ["kill -KILL", "kill", "timeout"])
    func unwantedCommandIsEnded(_ end: String) async throws {
        let outcome = try await Shell.run(
            Self.script + """
                start l connect serve x slow -- ./slow
                connect call x slow \(end == "timeout" ? "--timeout .5" : "--timeout 60") 2>/dev/null & c=$!
                read -r line <began
                \(end == "timeout" ? "" : "\(end) $c")
                ends $c; wait $watcher; cat gone
                until grep -q asked log; do :; done; cat log
                kill $pid; said l; grep -o 'port 1: slow: .*' l.err
                """)
        let status = ["kill -KILL": "137", "kill": "143", "timeout": "75"][end] ?? ""
        #expect(outcome.lines.prefix(3) == [status, "gone", "asked"])
        #expect(outcome.lines.last == "port 1: slow: the caller waits no longer (cancelled)")
    }

    @Test("A command that ignores SIGTERM gets SIGKILL a second later, with its children")
    func deafCommandIsKilled() async throws {
        let outcome = try await Shell.run(
            Self.script + """
                start l connect serve x deaf -- ./deaf
                connect call x deaf --timeout 60 & c=$!
                read -r line <began; kill $c; ends $c; wait $watcher; cat gone
                connect call x other 2>&1 | grep -c unknown-type
                """)
        #expect(outcome.lines == ["143", "gone", "1"])
    }

    @Test("Children that ignore SIGTERM go with a command that does not")
    func deafChildrenAreKilled() async throws {
        let outcome = try await Shell.run(
            Self.script + """
                start l connect serve x child -- sh -c "./deaf & wait"
                connect call x child --timeout 60 & c=$!
                read -r line <began; kill $c; ends $c; wait $watcher; cat gone
                """)
        #expect(outcome.lines == ["143", "gone"])
    }

    @Test("connect serve ends its commands when it is ended itself, and its callers learn it at once")
    func endOfTheServerEndsItsCommands() async throws {
        let outcome = try await Shell.run(
            Self.script + """
                start l connect serve x slow -- ./slow
                start d connect serve d deaf -- ./deaf
                kill $pid; wait $pid
                start d2 connect serve d deaf -- ./deaf; d=$pid
                connect call d deaf --timeout 60 2>err & c=$!
                read -r line <began; kill $d; ends $d; ends $c; wait $watcher; cat gone
                grep -c 'closed the line before it answered deaf' err
                """)
        #expect(outcome.lines == ["143", "74", "gone", "1"])
    }

    @Test("A request that waits for its turn is given up without its command being run")
    func waitingRequestIsGivenUp() async throws {
        let outcome = try await Shell.run(
            Self.script + """
                start l connect serve x slow --jobs 1 -- ./slow
                connect call x slow --timeout 60 2>/dev/null & c=$!
                read -r line <began
                connect call x slow --timeout .3 2>/dev/null; echo $?
                kill $c; ends $c; wait $watcher
                kill $pid; ends $pid; cat log; said l; grep -c 'cancelled' l.err
                """)
        #expect(outcome.lines == ["75", "143", "143", "asked", "2"])
    }

    @Test("A process that a command leaves behind does not hold up the answer, and lives on")
    func leftoverProcessLivesOn() async throws {
        let outcome = try await Shell.run(
            """
            start l connect serve x daemon -- sh -c 'sleep 600 & echo $!'
            daemon=$(connect call x daemon); echo $?
            kill -0 $daemon && kill $daemon && echo lived
            kill $pid; said l; grep -c 'still has its output open' l.err
            """)
        #expect(outcome.lines == ["0", "lived", "1"])
    }

    @Test("Output that is longer than an answer may be fails the request, and ends the command")
    func tooLongOutputFails() async throws {
        let outcome = try await Shell.run(
            """
            start l connect serve x yes -- yes
            connect call x yes --timeout 50 2>&1; echo $?
            """)
        #expect(
            outcome.lines == [
                "connect: x: the command's output is longer than an answer may be (64 MiB); let it write less, "
                    + "or use --stream (handler-failed)", "70",
            ])
    }
}
