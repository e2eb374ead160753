import ConnectToTestSupport
import ConnectToTesting
import Testing

@Suite(
    "Peers of connect in another pid namespace", .privateBus, .timeLimit(.minutes(1)),
    .enabled("A pid namespace \(PIDNamespace.advice)") { await PIDNamespace.isAvailable() })
struct PIDNamespaceTests {
    /// `inside NUMBER COMMAND…`: runs the command in a pid namespace of its own, in which another program, `sleep`, has
    /// the number that a process outside has.
    private static let inside = """
        inside() {
            \(PIDNamespace.command) --mount-proc sh -c '
                number=$1; shift
                until [ "$!" = "$number" ]; do
                    echo $((number - 1)) >/proc/sys/kernel/ns_last_pid
                    sleep 1000 </dev/null >/dev/null 2>&1 &
                done
                exec "$@"' sh "$@"
        }

        """

    /// Runs a script that begins with a caller, process `$caller`, which waits for a line in the fifo `go`.
    private func withCaller(_ calling: String, _ script: String) async throws -> Shell.Outcome {
        try await Shell.run(
            Self.inside + """
                mkfifo go
                sh -c 'read -r _; exec \(calling)' <go >caller.out 2>caller.err & caller=$!

                """ + script)
    }

    @Test("A caller in another pid namespace is not admitted as the program that has its number in the listener's")
    func callerIsNotAdmittedForAnotherProcessOfItsNumber() async throws {
        let outcome = try await withCaller(
            "connect to x hello --no-reply",
            """
            start l inside $caller connect listen x --allow executable=$(readlink -f /usr/bin/sleep)
            echo >go; ends $caller
            """)
        #expect(outcome.lines == ["77"])
    }

    @Test("A caller in another pid namespace is denied by a rule about executables")
    func callerWithUnknownExecutableIsDenied() async throws {
        let outcome = try await withCaller(
            "connect to x hello --no-reply",
            """
            start l inside $caller connect listen x --deny executable=/usr/bin/true
            echo >go; ends $caller
            """)
        #expect(outcome.lines == ["77"])
    }

    @Test("A caller in another pid namespace has no process in the events of listen --json")
    func callerHasNoProcessInEvents() async throws {
        let outcome = try await withCaller(
            "connect to x hello",
            """
            start l inside $caller connect listen x --once --json
            echo >go; ends $caller; wait $pid
            grep -o '"pid":[^,]*' l.out; grep -o '"process":[^}]*' l.out
            """)
        #expect(outcome.lines == ["0", #""pid":null"#, #""process":null,"executable":null"#])
    }

    @Test("A caller in another pid namespace leaves CONNECT_PEER_PID empty")
    func callerHasAnEmptyPeerPID() async throws {
        let outcome = try await withCaller(
            "connect to x hello",
            """
            export CONNECT_PEER_PID=1
            start l inside $caller connect listen x --exec sh -c 'echo "<${CONNECT_PEER_PID-unset}>"'
            echo >go; ends $caller; cat caller.out
            """)
        #expect(outcome.lines.last == "<>")
    }

    @Test("A listener in another pid namespace is shown with name and user, and without a process")
    func listenerHasNameAndUserOnly() async throws {
        let outcome = try await Shell.run(
            Self.inside + """
                start l connect listen x; listener=$pid
                inside $listener sh -c '
                    connect list --json; connect info x --json; connect info x | grep -E "process|executable"
                    connect doctor x; connect listen x' 2>&1
                """)
        #expect(outcome.text.contains(#""pid":null,"process":null,"uid":"#))
        #expect(outcome.text.contains(#""pid":null,"process":null,"executable":null,"uid":"#))
        #expect(!outcome.text.contains("sleep"))
        #expect(outcome.text.contains("is taken by the connection :1."))
        #expect(outcome.text.contains("another pid namespace"))
        #expect(outcome.lines.contains { $0.hasPrefix("ok       name: \"x\" under org.connectto") })
    }

    @Test("connect to in another pid namespace says with 68 that the name may be hidden there")
    func hiddenNameIsExplained() async throws {
        let outcome = try await Shell.run(Self.inside + "inside $$ connect to nowhere hello")
        #expect(outcome.status == 68)
        #expect(outcome.errors.contains("another pid namespace"))
        #expect(outcome.errors.contains("connect doctor nowhere"))
    }

    @Test("connect list shows no process where /proc belongs to another pid namespace than the bus")
    func foreignProcGivesNoProcess() async throws {
        let outcome = try await Shell.run(
            """
            export outside=$$
            \(PIDNamespace.command) sh -c '
                mkfifo address
                dbus-daemon --session --nofork --nopidfile --address="unix:tmpdir=$PWD" --print-address=1 >address &
                read -r DBUS_SESSION_BUS_ADDRESS <address; export DBUS_SESSION_BUS_ADDRESS
                mkfifo said
                until [ "$!" = "$outside" ]; do
                    echo $((outside - 1)) >/proc/sys/kernel/ns_last_pid
                    sh -c "[ \\$\\$ = $outside ] || exit; exec connect listen x" </dev/null 2>said &
                    read -r _ <said
                done
                connect list --json'
            """)
        #expect(outcome.text.contains(#""name":"x""#))
        #expect(outcome.text.contains(#""pid":null,"process":null"#))
    }
}
