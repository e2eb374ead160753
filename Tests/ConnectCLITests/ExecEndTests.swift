import ConnectToTesting
import Testing

/// When a command has ended: what it has left behind still writes, and what it has not read it did not want.
@Suite("The end of a command of connect listen --exec", .privateBus, .timeLimit(.minutes(2))) struct ExecEndTests {
    @Test("An --exec command reads all messages of a caller that has left with --no-reply, however late it reads them")
    func commandReadsAllThatTheCallerLeft() async throws {
        let outcome = try await Shell.run(
            """
            # It reads only once the caller has gone; a pipe holds less.
            mkfifo gone done
            start l connect listen x --exec sh -c 'read -r line <gone; cat >got; echo >done'
            seq -f %01000g 100 | connect to x --no-reply; echo $?
            echo >gone; read -r line <done
            wc -l <got
            """)
        #expect(outcome.lines == ["0", "100"])
    }

    @Test(
        "Output that descendants of an --exec command write after its end arrives",
        arguments: ["", "--raw"])
    func outputOfDescendantsArrives(_ raw: String) async throws {
        let outcome = try await Shell.run(
            """
            cat >script <<'end'
            exec > >(tee -a /dev/null)
            echo out
            end
            start tee connect listen tee \(raw) --exec bash script
            start later connect listen later \(raw) --exec setsid sh -c 'sleep .2; echo late'
            for n in $(seq 60); do connect to tee \(raw) </dev/null || echo $?; done | sort | uniq -c | tr -d ' '
            connect to later \(raw) </dev/null; echo $?
            kill $pid; said later; wc -l <later.err
            """)
        #expect(outcome.lines == ["60out", "late", "0", "0"])
    }

    @Test(
        "A process that an --exec command leaves behind with its output open ends the line once it is silent for a second",
        arguments: ["", "--raw"])
    func silentDaemonEndsTheLineAfterASecond(_ raw: String) async throws {
        let outcome = try await Shell.run(
            """
            cat >script <<'end'
            sleep 1000 & echo $!
            end
            start l connect listen x --json \(raw) --exec sh script
            connect to x \(raw) <&- >daemon; echo $?
            kill -0 $(cat daemon) && kill $(cat daemon) && echo lived
            grep -o '"event":"c.*"port":1' l.out; kill $pid; said l
            grep -c 'port 1: a process that the command has left behind still has its output open' l.err
            """)
        #expect(
            outcome.lines == [
                "0", "lived", #""event":"connect","port":1"#, #""event":"cut","port":1"#,
                #""event":"close","port":1"#, "1",
            ])
    }

    @Test(
        "A process that an --exec command leaves behind keeps the line open while it writes and the caller reads",
        arguments: ["", "--raw"])
    func talkingDaemonKeepsTheLine(_ raw: String) async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x \(raw) --exec setsid sh -c 'for n in 1 2 3; do sleep .7; echo $n; done'
            connect to x \(raw) </dev/null; echo $?
            """)
        #expect(outcome.lines == ["1", "2", "3", "0"])
    }

    @Test(
        "The caller's end ends the line, even while a process that an --exec command left behind still writes",
        arguments: ["", "--raw"])
    func callerEndsTheLineOfADaemon(_ raw: String) async throws {
        let outcome = try await Shell.run(
            """
            mkfifo alive
            { cat alive; echo gone; } & gone=$!
            start l connect listen x --json \(raw) --exec setsid sh -c 'yes 5>alive'
            connect to x \(raw) </dev/null | head -1
            wait $gone
            """)
        #expect(outcome.lines == ["y", "gone"])
    }

    @Test(
        "A caller exits with 0 when the --exec command has ended, whatever the command has not read",
        arguments: ["", "--raw"], ["</dev/null", "<x", "<big"])
    func callerExitsWith0WhateverIsUnread(_ raw: String, _ input: String) async throws {
        let outcome = try await Shell.run(
            """
            echo x >x; seq 100000 >big
            start l connect listen x \(raw) --exec echo enough
            for n in $(seq 50); do connect to x \(raw) \(input); echo $?; done | sort | uniq -c | tr -d ' '
            """)
        #expect(outcome.lines == ["500", "50enough"])
    }

    @Test("A caller with a message, endless input or --reconnect exits with 0 when the --exec command has ended")
    func callerWithMoreToSendExitsWith0() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --exec echo enough
            start m connect listen raw --raw --exec echo enough
            for n in $(seq 100); do connect to x more; echo $?; done | sort | uniq -c | tr -d ' '
            for n in $(seq 10); do
                yes | connect to x; echo $?
                yes | connect to raw --raw; echo $?
                yes | connect to x --reconnect; echo $?
            done | sort | uniq -c | tr -d ' '
            """)
        #expect(outcome.lines == ["1000", "100enough", "300", "30enough"])
    }

    @Test(
        "A caller exits with 76 or 74 where the listener dies or ends before its --exec command has read everything",
        arguments: [("KILL", "76"), ("TERM", "74")])
    func callerSeesAListenerThatEndsBeforeItsCommand(_ signal: String, _ status: String) async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --exec sh -c 'echo ready; exec sleep 1000 >/dev/null'
            mkfifo out
            seq 200000 | connect to x >out & to=$!
            exec 8<out; read ready <&8; echo $ready
            kill -\(signal) $pid; ends $to
            """)
        #expect(outcome.lines == ["ready", status])
    }

    @Test("A caller exits with 76 where a listener without --exec is ended in the middle, after its input was sent")
    func callerSeesAListenerThatEndsInTheMiddle() async throws {
        let outcome = try await Shell.run(
            """
            mkfifo full l.fifo out
            echo answer | sh -c 'echo $$ >pid; exec connect listen x --once' >full 2>l.fifo &
            exec 7<full
            heard l
            yes | head -c 1000000 | connect to x >out 7<&- & to=$!
            exec 8<out; next
            kill $(cat pid); ends $to
            """)
        #expect(outcome.lines == ["answer", "76"])
    }
}
