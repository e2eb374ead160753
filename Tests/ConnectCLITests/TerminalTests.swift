import ConnectToTesting
import Testing

/// With `script`, which runs a command on a terminal of its own.
@Suite("connect listen on a terminal", .privateBus, .timeLimit(.minutes(1))) struct TerminalTests {
    @Test("connect listen in the foreground reads the terminal")
    func foregroundReadsTheTerminal() async throws {
        let outcome = try await Shell.run(
            """
            mkfifo keys screen
            script -qfec 'connect listen x' /dev/null <keys >screen & script=$!
            exec 7>keys 8<screen
            next | tr -d '\\r'
            hold a connect to x --replies 1
            echo typed >&7
            wait $held; cat a.out
            """)
        #expect(outcome.lines == ["listening as x", "typed"])
    }

    @Test("connect listen --once on a terminal ends with the caller's input")
    func onceEndsWithTheCallersInput() async throws {
        let outcome = try await Shell.run(
            """
            mkfifo keys screen
            script -qfec 'connect listen x --once; echo ended $?' /dev/null <keys >screen & script=$!
            exec 7>keys 8<screen
            next | tr -d '\\r'
            connect to x hello </dev/null 7>&- 8<&-; echo $?
            next | tr -d '\\r'; next | tr -d '\\r'
            """)
        #expect(outcome.lines == ["listening as x", "0", "hello", "ended 0"])
    }

    @Test("connect listen in the background does not read the terminal, and is not stopped")
    func backgroundDoesNotReadTheTerminal() async throws {
        let outcome = try await Shell.run(
            """
            mkfifo keys screen l.fifo pid
            cat >job <<'end'
            set -m
            connect listen x --json >l.out 2>l.fifo &
            echo $! >pid
            read typed
            echo "got $typed"
            read typed
            end
            script -qfec 'sh job' /dev/null <keys >screen &
            exec 7>keys 8<screen
            heard l
            pid=$(cat pid)
            hold a connect to x --replies 1
            connect to x first </dev/null 7>&- 8<&-
            echo typed >&7
            next | tr -d '\\r'; next | tr -d '\\r'
            connect to x second </dev/null 7>&- 8<&-; echo $?
            until grep -q '"text":"second"' l.out; do :; done
            cat a.out
            grep -c '^State:.T' /proc/$pid/status
            """)
        // The terminal echoes what is typed; the shell in the foreground gets it.
        #expect(outcome.lines == ["typed", "got typed", "0", "0"])
    }
}
