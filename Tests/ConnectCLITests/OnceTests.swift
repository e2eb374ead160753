import ConnectToTesting
import Testing

@Suite("listen --once", .privateBus, .timeLimit(.minutes(1))) struct OnceTests {
    @Test("Gives the name back when its peer is admitted")
    func unregisters() async throws {
        let outcome = try await Shell.run(
            """
            converse l connect listen x --once --json
            next >/dev/null
            hold a connect to x; next >/dev/null
            connect to x </dev/null 2>/dev/null; echo $?
            connect list --json
            kill $pid
            """)
        #expect(outcome.lines == ["68"])
    }

    @Test("Answers from its input, and ends when both sides have ended theirs")
    func answers() async throws {
        let outcome = try await Shell.run(
            """
            mkfifo l.fifo
            echo answer | connect listen x --once >l.out 2>l.fifo & pid=$!
            heard l
            connect to x question </dev/null; echo $?
            ends $pid
            cat l.out
            """)
        #expect(outcome.lines == ["answer", "0", "0", "question"])
    }

    @Test("Waits for the end of its own input")
    func waitsForInput() async throws {
        let outcome = try await Shell.run(
            """
            converse l connect listen x --once
            connect to x question </dev/null >a.out 7>&- 8<&- & to=$!
            next
            echo late >&7
            exec 7>&-
            ends $to; ends $pid
            cat a.out
            """)
        #expect(outcome.lines == ["question", "0", "0", "late"])
    }

    @Test("Ends with 76 when its peer is killed")
    func killedPeer() async throws {
        let outcome = try await Shell.run(
            """
            converse l connect listen x --once --json
            next >/dev/null
            hold a connect to x; next >/dev/null
            kill -KILL $held
            next; ends $pid
            """)
        #expect(outcome.lines == [#"{"event":"close","port":1,"reason":"peer-exited"}"#, "76"])
    }

    @Test("Ends with 0 when its peer had said that it was done, whatever that has not taken")
    func donePeer() async throws {
        let outcome = try await Shell.run(
            """
            mkfifo l.fifo
            seq 1 100000 | connect listen x --once >l.out 2>l.fifo & pid=$!
            heard l
            connect to x question --replies 1 </dev/null; echo $?; ends $pid
            said l; cat l.out l.err
            """)
        #expect(outcome.lines == ["1", "0", "0", "question"])
    }

    @Test("Ends with 74 when its peer closed without taking everything, and had not said that it was done")
    func untaken() async throws {
        // The peer takes one of many lines.
        let outcome = try await Shell.run(
            """
            mkfifo l.fifo
            seq 1 1000000 | connect listen x --once 2>l.fifo & pid=$!
            heard l
            hold a connect to x --replies 1
            ends $held; ends $pid
            cat a.out
            """)
        #expect(outcome.lines == ["0", "74", "1"])
    }

    @Test("A caller that waits for the name is served, however fast it is")
    func waitingCaller() async throws {
        let outcome = try await Shell.run(
            """
            for round in 1 2 3 4 5 6 7 8 9 10; do
                connect to x hello --wait 50 </dev/null & to=$!
                connect listen x --once </dev/null 2>>said; wait $to || echo $?
            done
            wc -l <said
            """)
        #expect(outcome.lines == Array(repeating: "hello", count: 10) + ["10"])
    }
}
