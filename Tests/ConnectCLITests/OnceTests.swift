import ConnectToTesting
import Testing

@Suite("connect listen --once", .privateBus, .timeLimit(.minutes(1))) struct OnceTests {
    @Test("connect listen --once unregisters its name when a caller is admitted")
    func unregistersWhenACallerIsAdmitted() async throws {
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

    @Test("connect listen --once answers from its input and ends when its input and the caller's have ended")
    func endsWhenBothInputsHaveEnded() async throws {
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

    @Test("connect listen --once waits for the end of its own input")
    func waitsForTheEndOfItsInput() async throws {
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

    @Test("connect listen --once exits with 76 when its caller is killed")
    func killedCallerIs76() async throws {
        let outcome = try await Shell.run(
            """
            converse l connect listen x --once --json
            next >/dev/null
            hold a connect to x; next >/dev/null
            kill -KILL $held
            next; ends $pid
            """)
        #expect(outcome.events == [#"{"event":"close","port":1,"reason":"peer-exited"}"#, "76"])
    }

    @Test("connect listen --once exits with 0 when a caller that had ended its input has not taken everything")
    func callerThatWasDoneIs0() async throws {
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

    @Test("connect listen --once exits with 74 when a caller that had not ended its input has not taken everything")
    func callerThatWasNotDoneIs74() async throws {
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

    @Test("connect listen --once serves a caller that waits for the name with --wait")
    func waitingCallerIsServed() async throws {
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
