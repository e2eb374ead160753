import ConnectToTesting
import Testing

@Suite("connect listen --exec", .privateBus, .timeLimit(.minutes(1))) struct ExecTests {
    @Test(
        "A text line is a message both ways with listen --exec, and the end of the caller's input ends the command's input"
    )
    func linesAreMessagesBothWays() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --exec sort
            printf 'c\\na\\n\\n' | connect to x; echo $?
            connect to x z y </dev/null; echo $?
            """)
        #expect(outcome.lines == ["", "a", "c", "0", "y", "z", "0"])
    }

    @Test(
        "connect listen --exec with few descriptors refuses the callers that it has no room for, and serves the others")
    func fewDescriptorsRefuseSomeCallersOnly() async throws {
        let outcome = try await Shell.run(
            """
            mkfifo l.fifo
            (ulimit -n 48; exec connect listen x --exec cat) </dev/null 2>l.fifo & pid=$!
            heard l
            mkfifo in; tail -f /dev/null >in 2>/dev/null & writer=$!
            for n in $(seq 30); do { connect to x <in 2>/dev/null; echo $? >>codes; } & done
            until grep -q 7 codes; do :; done 2>/dev/null
            kill $writer
            until connect to x served 2>/dev/null; do :; done
            """)
        #expect(outcome.lines == ["served"])
    }

    @Test("Arguments and text lines of an --exec command pass byte for byte, and its options are its own")
    func argumentsAndLinesPassByteForByte() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --exec printf '%s\\n' --json "$(printf 'a\\377')" 'two words' -n
            connect to x </dev/null
            """)
        #expect(outcome.output == Array("--json\na".utf8) + [0xFF] + Array("\ntwo words\n-n\n".utf8))
    }

    @Test("The port closes when the --exec command has ended and its output is sent, although the caller stays")
    func portClosesWhenTheCommandHasEnded() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --exec seq 1 20000
            hold a connect to x; wait $held
            wc -l <a.out
            """)
        #expect(outcome.lines == ["20000"])
    }

    @Test("The process group of an --exec command gets SIGHUP when its caller goes", arguments: ["KILL", "TERM"])
    func callerThatGoesIsSIGHUP(_ signal: String) async throws {
        let outcome = try await Shell.run(
            """
            cat >child <<'end'
            trap 'echo hup >hup; exit' HUP
            exec 5>grandchild
            # It says ready itself: a signal on its way from fork to exec would be lost.
            sh -c 'echo ready; exec sleep 1000 >/dev/null' &
            exec 5>&-
            wait
            end
            mkfifo hup grandchild out in
            { cat grandchild; echo gone; } & gone=$!
            start l connect listen x --exec sh child
            tail -f /dev/null >in &
            connect to x <in >out & to=$!
            read ready <out
            kill -\(signal) $to
            wait $gone
            cat hup
            """)
        #expect(outcome.lines == ["gone", "hup"])
    }

    @Test("An --exec command starts with default signal dispositions and no signal blocked")
    func signalsAreDefaultAndUnblocked() async throws {
        let outcome = try await Shell.run(
            """
            start l nohup connect listen x --exec grep -E 'Sig(Blk|Ign)' /proc/self/status
            connect to x </dev/null | while read name mask; do
                # The C library keeps 32 and 33 to itself.
                echo $name $((0x$mask & 0x7fffffff))
            done
            """)
        #expect(outcome.lines == ["SigBlk: 0", "SigIgn: 0"])
    }

    @Test("An --exec command has a process group of its own, and the caller's process and user in its environment")
    func commandHasItsOwnGroupAndKnowsTheCaller() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen 'a b' --exec sh -c \
            'echo "$CONNECT_NAME $CONNECT_PEER_UID $CONNECT_PEER_PID"; cut -d" " -f1,5 /proc/$$/stat'
            hold a connect to 'a b'; wait $held
            sed -n "1s/ $held\\$/ PID/p" a.out
            sed -n 2p a.out | { read pid group; test $pid = $group && echo own; }
            id -u
            """)
        let lines = outcome.lines
        #expect(lines.count == 3)
        #expect(lines.first == "a b \(lines.last ?? "") PID")
        #expect(lines.dropFirst().first == "own")
    }

    @Test(
        "connect listen --exec exits with 64 before it registers where its command does not exist or cannot be run",
        arguments: ["no-such-command", "./no", "/etc/passwd"])
    func missingCommandIs64(_ command: String) async throws {
        let outcome = try await Shell.run("connect listen x --exec \(command)")
        #expect(outcome.status == 64)
        #expect(!outcome.errors.contains("listening"))
    }

    @Test("connect listen --exec runs at most 64 commands, and the next caller waits until one has ended")
    func atMost64CommandsRun() async throws {
        let outcome = try await Shell.run(
            """
            converse l connect listen x --json --exec cat
            next >/dev/null
            hold first connect to x; first=$held; next >/dev/null
            mkfifo rest.in; tail -f /dev/null >rest.in 7>&- 8<&- &
            for peer in $(seq 2 64); do
                connect to x <rest.in >/dev/null 2>&1 7>&- 8<&- &
                next >/dev/null
            done
            connect to x hello --no-reply; echo $?
            kill $first
            next | grep -o '"event":"close","port":1'
            next | grep -o '"event":"connect","port":65'
            kill $pid
            """)
        #expect(outcome.lines == ["0", #""event":"close","port":1"#, #""event":"connect","port":65"#])
    }

    @Test("A signal that ends listen --exec is SIGHUP to its commands")
    func endOfListenIsSIGHUPToCommands() async throws {
        let outcome = try await Shell.run(
            """
            cat >child <<'end'
            trap 'echo hup >hup; exit' HUP
            echo ready
            sleep 1000 >/dev/null & wait
            end
            mkfifo hup
            start l connect listen x --exec sh child
            mkfifo a.in a.out; tail -f /dev/null >a.in &
            connect to x <a.in >a.out 2>/dev/null &
            read ready <a.out; echo $ready
            kill -TERM $pid
            cat hup
            ends $pid
            """)
        #expect(outcome.lines == ["ready", "hup", "143"])
    }

    @Test("connect listen --once --exec ends with its caller")
    func onceEndsWithItsCaller() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --once --exec -- cat
            connect to x hello </dev/null; ends $pid
            """)
        #expect(outcome.lines == ["hello", "0"])
    }

    @Test(
        "connect listen --exec runs the same command with two dashes before it and without them",
        arguments: ["--exec --", "--exec"])
    func sameCommandAfterTwoDashes(_ option: String) async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --once \(option) sh -c 'printf "<%s>" "$@"; echo' sh -- --once a
            connect to x </dev/null; ends $pid
            """)
        #expect(outcome.lines == ["<--><--once><a>", "0"])
    }

    @Test("connect listen --exec reports a command that ends with an error, and goes on")
    func failedCommandIsReported() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --exec false
            connect to x </dev/null; echo $?
            connect to x </dev/null; echo $?
            kill $pid; wait $pid; said l; grep -c . l.err
            """)
        #expect(outcome.lines == ["0", "0", "2"])
    }

    @Test("A caller exits with 76 where it gets less than the --exec command wrote, or nothing")
    func callerSeesALineThatBreaksOff() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --once --exec sh -c 'echo one; head -c 67108865 /dev/zero'
            connect to x </dev/null; echo $?; ends $pid; said l
            grep -c 'port 1: line 2 of the command.s output is longer than a message may be (64 MiB)' l.err
            printf '#!/bin/sh' >command; chmod +x command
            start m connect listen y --once --exec ./command
            rm command; connect to y </dev/null; echo $?; ends $pid
            """)
        #expect(outcome.lines == ["one", "76", "65", "1", "76", "74"])
    }

    @Test(
        "connect listen names an --exec command that cannot be run for a caller, and says what to do",
        arguments: [
            ("printf 'echo hello\\n' >command", "begin a script with #!/bin/sh"),
            (
                "printf '#!/no/such/program\\n' >command",
                "check that it exists, and that its #! line names a program that exists"
            ),
            ("rm command", "check that it exists, and that its #! line names a program that exists"),
            ("chmod -x command", "make it executable with chmod +x"),
        ])
    func commandThatCannotBeRunIsNamed(_ change: String, _ advice: String) async throws {
        let outcome = try await Shell.run(
            """
            printf '#!/bin/sh\\n' >command; chmod +x command
            start l connect listen x --once --exec ./command
            \(change); connect to x </dev/null 2>/dev/null; echo $?; ends $pid; said l; cat l.err
            """)
        #expect(outcome.lines.prefix(2) == ["76", "74"])
        #expect(outcome.lines.dropFirst(2).first?.hasPrefix("connect: port 1: ./command could not be run (") == true)
        #expect(outcome.lines.dropFirst(2).first?.contains(advice) == true)
    }

    @Test("An --exec command that does not read stalls its caller, and gets everything once it reads")
    func commandThatDoesNotReadStallsItsCaller() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --exec sh -c 'read go; wc -l'
            { echo go; seq 1 50000; } | connect to x
            """)
        #expect(outcome.lines == ["50000"])
    }

    @Test(
        "An --exec command that never stops writing delays neither other callers, nor its own end, nor the listener's")
    func commandThatFloodsHoldsUpNoOther() async throws {
        let outcome = try await Shell.run(
            """
            cat >child <<'end'
            read -r word
            test "$word" = flood || exec echo "$word"
            exec yes 5>alive
            end
            mkfifo alive flowing out
            { cat alive; echo gone; } & gone=$!
            start l connect listen x --exec sh child
            connect to x flood >out & caller=$!
            { read -r line; echo >flowing; cat >/dev/null; } <out &
            read -r line <flowing
            connect to x hello; echo $?
            kill -KILL $caller
            wait $gone
            connect to x again; echo $?
            kill $pid; ends $pid
            """)
        #expect(outcome.lines == ["hello", "0", "gone", "again", "0", "143"])
    }
}
