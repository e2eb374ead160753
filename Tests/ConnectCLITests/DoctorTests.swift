import ConnectToDBus
import ConnectToLinux
import ConnectToPorts
import ConnectToTesting
import Testing

@Suite("doctor", .privateBus, .timeLimit(.minutes(1))) struct DoctorTests {
    /// What was found: each check with its verdict.
    private func verdicts(_ outcome: Shell.Outcome) -> [String] {
        outcome.lines.map { line in
            line.split(separator: ",").prefix(2).joined(separator: ",")
                .replacing(#"{"check":""#, with: "").replacing(#"","ok":"#, with: " ")
        }
    }

    @Test("All is well: 0, a line for each check, and nothing is left behind")
    func well() async throws {
        let outcome = try await Shell.run(
            "start l connect listen x; connect doctor x --json; echo $? >&2; connect list | grep -c doctor; kill $pid"
        )
        #expect(outcome.errors.contains("0\n"))
        #expect(
            verdicts(outcome) == [
                "versions true", "descriptors true", "bus true", "sandbox true", "own true", "talk true",
                "name true",
                "0",
            ])
    }

    @Test("In plain text a problem has its advice in the next line")
    func plain() async throws {
        let outcome = try await Shell.run("connect doctor x")
        #expect(outcome.status == 68)
        #expect(outcome.lines.contains { $0.hasPrefix("PROBLEM  name: nobody has registered \"x\"") })
        #expect(outcome.lines.last?.contains("connect list") == true)
    }

    @Test(
        "No bus, few descriptors, a listener that stands still: each is found, with the code that it would give"
    )
    func problems() async throws {
        let outcome = try await Shell.run(
            """
            connect doctor --bus unix:path=/nowhere | grep -c PROBLEM; connect doctor --bus unix:path=/nowhere >/dev/null
            echo $?
            (ulimit -n 100; connect doctor | grep PROBLEM -A 1)
            start l connect listen x; freeze $pid; connect doctor x >/dev/null; echo $?; kill -KILL $pid
            """)
        #expect(outcome.lines.first == "1")
        #expect(outcome.lines.contains("69"))
        #expect(outcome.text.contains("ulimit -n"))
        #expect(outcome.lines.last == "75")
    }

    @Test(
        "Behind a filtering proxy it says so, and which permission is missing",
        .enabled(
            if: isInstalled("xdg-dbus-proxy"), "xdg-dbus-proxy is missing: apt-get install xdg-dbus-proxy"))
    func proxy() async throws {
        try await withFilteringProxy(to: .current, rules: ["--own=org.example.App.*"]) { address in
            let outcome = try await Shell.run(
                """
                start l connect listen x
                connect doctor --json x --bus \(address); echo $?
                connect to x hello --bus \(address) 2>&1 | grep -o 'permission.*connect doctor .* x'
                connect to x hello --bus \(address) 2>/dev/null; echo $?
                connect doctor --origin org.example.App --bus \(address) >/dev/null; echo $?
                kill $pid
                """)
            #expect(
                verdicts(outcome) == [
                    "versions true", "descriptors true", "bus true", "sandbox true", "own false",
                    "name false", "77",
                    "permission for the name may be missing: connect doctor --bus \(address) x", "68", "0",
                ])
            #expect(outcome.text.contains("xdg-dbus-proxy"))
            #expect(outcome.text.contains("--own=org.connectto.*"))
            #expect(outcome.text.contains("--talk=org.connectto.Context.x"))
        }
    }

    @Test("A bus that stops in the middle is found within the time of one check, and the rest is left out")
    func stalled() async throws {
        let outcome = try await Shell.run(
            StallingBus.before(
                "GetConnectionCredentials",
                "timeout 15 connect doctor x --json --bus $stalling; echo $?"))
        #expect(verdicts(outcome) == ["versions true", "descriptors true", "bus false", "75"])
        #expect(outcome.text.contains("has not answered within 5 s"))
    }

    @Test("A program that has the name and is no context is told from one that does not answer: callers get 68 at once")
    func stranger() async throws {
        let stranger = try await BusConnection.open(
            address: try PrivateBus.current.address, on: try EventLoop.shared.reactor)
        _ = try await stranger.requestName("org.connectto.Context.x", flags: .doNotQueue)
        let outcome = try await Shell.run(
            "connect to x hello; echo $?; connect doctor x >found; echo $?; tail -n 2 found")
        #expect(outcome.lines.prefix(2) == ["68", "68"])
        #expect(outcome.text.contains("which answers, but not as a context does"))
        #expect(!outcome.text.contains("five seconds"))
        await stranger.close()
    }
}
