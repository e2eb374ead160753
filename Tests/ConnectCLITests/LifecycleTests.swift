import ConnectToTesting
import Testing

@Suite("Signals, standard descriptors and the end of connect", .privateBus, .timeLimit(.minutes(1)))
struct LifecycleTests {
    @Test(
        "A signal unregisters the name, closes the ports in order, and ends connect with 128 and its number",
        arguments: [
            ("INT", 130), ("TERM", 143), ("HUP", 129),
        ])
    func signalClosesInOrder(_ name: String, _ code: Int) async throws {
        let outcome = try await Shell.run(
            """
            converse l connect listen x --json
            next >/dev/null
            hold a connect to x --json; next >/dev/null
            kill -\(name) $pid; ends $pid
            wait $held; head -1 a.out
            connect list --json
            connect watch 2>w.said & watch=$!
            hold b connect to y --wait 100
            ready $held
            kill -\(name) $held; ends $held
            """)
        #expect(
            outcome.events == [
                "\(code)", #"{"event":"close","port":1,"reason":"closed"}"#, "\(code)",
            ])
    }

    @Test(
        "A call that a signal or --timeout ends after the end of its input breaks off for the listener",
        arguments: [
            ("connect to x question </dev/null", "ready $to; kill -INT $to", "130"),
            ("connect to x question --timeout 0.5 </dev/null", "", "75"),
            ("connect to x --reconnect <input", "ready $to; kill -TERM $to", "143"),
        ])
    func callCutShortIsNotAnOrderlyEnd(_ call: String, _ cut: String, _ code: String) async throws {
        let outcome = try await Shell.run(
            """
            echo question >input
            converse l connect listen x --json
            next >/dev/null
            \(call) >/dev/null 2>&1 7>&- 8<&- & to=$!
            next >/dev/null; next; next
            \(cut)
            ends $to; next
            """)
        #expect(
            outcome.events == [
                #"{"event":"message","port":1,"text":"question"}"#, #"{"event":"finish","port":1}"#, code,
                #"{"event":"close","port":1,"reason":"peer-exited"}"#,
            ])
    }

    @Test("connect listen under nohup goes on after SIGHUP")
    func nohupKeepsSIGHUPIgnored() async throws {
        let outcome = try await Shell.run(
            """
            start l nohup connect listen x
            kill -HUP $pid
            connect to x hello </dev/null; echo $?
            kill -TERM $pid; ends $pid
            """)
        #expect(outcome.lines == ["0", "143"])
    }

    @Test(
        "A peer that takes nothing delays the end of listen by at most two seconds, and a second signal ends listen at once",
        arguments: [
            ("kill -TERM $pid", "143"),
            // The second when the first has been seen, since the kernel may turn two that wait round.
            ("kill -TERM $pid; read -r unregistered <&6; kill -INT $pid", "130"),
        ])
    func stalledPeerDelaysTheEndByTwoSeconds(_ kill: String, _ code: String) async throws {
        // The peer is stopped before it has read anything; its kernel buffer and our queue fill up.
        let outcome = try await Shell.run(
            """
            mkfifo w.fifo seen; connect watch >seen 2>w.fifo & exec 6<seen
            heard w
            converse l connect listen x --json
            next >/dev/null; read -r registered <&6
            hold a connect to x; next >/dev/null
            freeze $held
            head -c 10000000 /dev/zero | tr '\\0' a >&7; echo >&7
            echo '{"port":2,"text":"no such port"}' >&7
            next | grep -o '"code":65'
            \(kill); ends $pid
            """)
        #expect(outcome.lines == [#""code":65"#, code])
    }

    @Test(
        "connect listen unregisters and exits with 74 and one line when the reader of its output has gone, also while idle"
    )
    func listenEndsWithItsReader() async throws {
        let outcome = try await Shell.run(
            """
            mkfifo l.fifo code
            { { connect listen x </dev/null 2>l.fifo; echo $? >code; } | head -1; } &
            heard l
            connect to x one </dev/null
            cat code; said l; cut -d' ' -f-6 l.err
            connect list --json
            """)
        #expect(outcome.lines.sorted() == ["74", "connect: the reader of standard output", "one"])
    }

    @Test(
        "connect watch and tap exit silently with 0 when the reader of their output has gone",
        arguments: ["", "--json"])
    func watchAndTapEndWithTheirReader(_ options: String) async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --tappable; listener=$pid
            for command in watch 'tap x'; do
                mkfifo w.fifo w.out; connect $command \(options) >w.out 2>w.fifo & watch=$!
                exec 8<w.out; heard w; exec 8<&-
                ends $watch; said w; cat w.err; rm w.fifo w.out
            done
            mkfifo w.fifo
            bash -o pipefail -c 'connect watch \(options) 2>w.fifo | grep -m1 -o registered' >found & watch=$!
            heard w
            # What comes while it ends cannot be written, and is of no more interest.
            start y connect listen y; start z connect listen z
            ends $watch; cat found
            """)
        #expect(outcome.lines == ["0", "0", "0", "registered"])
    }

    @Test("A command that has nothing to write ends normally where its output has no reader")
    func commandWithoutOutputNeedsNoReader() async throws {
        let outcome = try await Shell.run(
            """
            export XDG_DATA_HOME="$PWD"
            mkfifo out; exec 8<>out; exec 7>out; exec 8<&-
            connect activate x -- cat >&7; echo $?; connect list >&7; echo $?
            connect list --json >&7; echo $?; connect info x >&7; echo $?; ls dbus-1/services | grep -c x
            """)
        // 69: the test's bus does not look for service files there.
        #expect(outcome.lines == ["69", "0", "0", "68", "1"])
    }

    @Test("Standard output that cannot be written is 74, with one line")
    func fullDiskIs74() async throws {
        let outcome = try await Shell.run(
            """
            mkfifo w.fifo
            connect watch 2>w.fifo >/dev/full & watch=$!
            heard w
            # It does not wait for another change to find that out.
            start l connect listen x
            ends $watch; said w; grep -c '^connect: ' w.err
            connect list >/dev/full
            """)
        #expect(outcome.lines == ["74", "1"])
        #expect(outcome.status == 74)
        #expect(outcome.errors.hasPrefix("connect: "))
        #expect(outcome.errors.count { $0 == "\n" } == 1)
    }

    @Test("Standard input that cannot be read is 74, with one line")
    func directoryAsInputIs74() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x
            connect to x </
            """)
        #expect(outcome.status == 74)
        #expect(outcome.errors.hasPrefix("connect: "))
    }

    @Test(
        "Closed standard descriptors are opened on /dev/null, and connect to exits with 74 where its output was closed")
    func closedDescriptorsAreOpenedOnDevNull() async throws {
        let outcome = try await Shell.run(
            """
            mkfifo l.fifo
            connect listen x <&- >&- 2>l.fifo & pid=$!
            heard l
            readlink /proc/$pid/fd/0 /proc/$pid/fd/1
            connect to x hello 2>&- <&- >&-; echo $?
            ends $pid
            """)
        #expect(outcome.lines == ["/dev/null", "/dev/null", "0", "74"])
    }

    @Test("connect listen never sets O_NONBLOCK on descriptors 0 to 2")
    func listenNeverSetsNonblock() async throws {
        let outcome = try await Shell.run(
            """
            converse l connect listen x
            hold a connect to x --replies 1
            echo hello >&7; wait $held
            for descriptor in 0 1 2; do
                flags=$(sed -n 's/flags:\\t//p' /proc/$pid/fdinfo/$descriptor)
                echo $((flags & 04000))
            done
            kill $pid
            """)
        #expect(outcome.lines == ["0", "0", "0"])
    }

    @Test("connect to loses no output where another program has set O_NONBLOCK on it")
    func outputWithNonblockLosesNothing() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --exec seq 1 30000
            {
                perl -MFcntl -e 'fcntl(STDOUT, F_SETFL, O_WRONLY | O_NONBLOCK)'
                exec 3>&1
                flags=$(sed -n 's/flags:\\t//p' /proc/self/fdinfo/3)
                connect to x </dev/null; echo "$((flags & 04000)) $?" >code
            } | { read first; wc -l; }
            cat code
            """)
        #expect(outcome.lines == ["29999", "2048 0"])
    }

    @Test("An idle listener does not wake", .disabled(if: isThreadSanitized, "the sanitizer's thread wakes"))
    func idleListenerDoesNotWake() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x
            connect to x hello </dev/null
            switches() { cat /proc/$pid/task/*/status | grep ctxt | cut -f2 | paste -sd+ | { read sum; echo $(($sum)); }; }
            # What the caller has left to do may take a while on a busy machine; what wakes for ever, once a second for
            # one, wakes each time.
            for turn in 1 2 3 4 5; do
                before=$(switches)
                timeout 3 tail -f /dev/null
                woken=$(($(switches) - before))
                [ $woken = 0 ] && break
            done
            echo $woken
            kill $pid
            """)
        #expect(outcome.lines == ["0"])
    }
}
