import ConnectToDBus
import ConnectToLinux
import ConnectToPorts
import ConnectToTestSupport
import ConnectToTesting
import Testing

@Suite("connect doctor", .privateBus, .timeLimit(.minutes(1))) struct DoctorTests {
    /// What was found: each check with its verdict.
    private func verdicts(_ outcome: Shell.Outcome) -> [String] {
        outcome.lines.map { line in
            line.split(separator: ",").prefix(2).joined(separator: ",")
                .replacing(#"{"check":""#, with: "").replacing(#"","ok":"#, with: " ")
        }
    }

    @Test("connect doctor exits with 0 where all is well, with a line for each check, and leaves nothing registered")
    func allIsWell() async throws {
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

    @Test("connect doctor says that it did not try whether the listener admits its caller, and is no caller itself")
    func admissionIsNotTried() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --once --deny everyone; l=$pid
            start m connect listen y --once --raw; m=$pid
            connect doctor x | tail -n 1; connect doctor y | tail -n 1
            connect info x | grep callers; connect to x; echo $?
            kill $l $m
            """)
        #expect(
            outcome.lines.map { $0.trimmingPrefix { $0 == " " } } == [
                "→ whether it admits this program was not tried; connect to x tries it",
                "→ whether it admits this program was not tried; connect to y, with --raw, tries it",
                "callers     0 admitted, 0 refused", "77",
            ])
    }

    @Test("connect doctor prints the advice on the line after the problem")
    func adviceFollowsTheProblem() async throws {
        let outcome = try await Shell.run("connect doctor x")
        #expect(outcome.status == 68)
        #expect(outcome.lines.contains { $0.hasPrefix("PROBLEM  name: no program has registered \"x\"") })
        #expect(outcome.lines.last?.contains("connect list") == true)
    }

    @Test(
        "connect doctor finds a missing bus, few descriptors and a stopped listener, and exits with the code of each"
    )
    func findsMissingBusFewDescriptorsAndStoppedListener() async throws {
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
        "connect doctor names the application of the Flatpak sandbox that it runs in",
        .enabled("A root directory of one's own \(ContainersRoot.advice)") { await ContainersRoot.isAvailable() })
    func namesTheApplicationOfAFlatpakSandbox() async throws {
        let outcome = try await Shell.run(
            """
            mkdir root
            unshare --user --map-root-user --mount sh -c '
                mount -t tmpfs none root
                for entry in /*; do
                    if [ -L $entry ]; then cp -P $entry root$entry
                    elif [ -d $entry ]; then mkdir root$entry && mount --rbind $entry root$entry; fi
                done
                connect doctor --json >without
                printf "[Application]\\nname=org.example.App\\n" >root/.flatpak-info
                work=$PWD; PATH=$PATH:/usr/sbin chroot root sh -c "cd $work && connect doctor --json >within"'
            grep -c Flatpak without; grep -o 'Flatpak (org.example.App)' within
            """)
        #expect(outcome.lines == ["0", "Flatpak (org.example.App)"])
    }

    @Test(
        "connect doctor finds a filtering proxy and names the permission that is missing",
        .enabled(
            if: isInstalled("xdg-dbus-proxy"), "xdg-dbus-proxy is missing: apt-get install xdg-dbus-proxy"))
    func findsAFilteringProxyAndTheMissingPermission() async throws {
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
                    "permission for the name may be missing; see connect doctor --bus \(address) x", "68", "0",
                ])
            #expect(outcome.text.contains("xdg-dbus-proxy"))
            #expect(outcome.text.contains("--own=org.connectto.*"))
            #expect(outcome.text.contains("--talk=org.connectto.Context.x"))
        }
    }

    @Test("connect doctor reports a bus that stops within the time of one check, and leaves out the rest")
    func stoppedBusEndsTheChecks() async throws {
        let outcome = try await Shell.run(
            StallingBus.before(
                "GetConnectionCredentials",
                "timeout 15 connect doctor x --json --bus $stalling; echo $?"))
        #expect(verdicts(outcome) == ["versions true", "descriptors true", "bus false", "75"])
        #expect(outcome.text.contains("has not answered within 5 s"))
    }

    @Test("connect doctor says that the owner of the name is not a context where it answers as another program")
    func findsAnOwnerThatIsNoContext() async throws {
        let stranger = try await BusConnection.open(
            address: try PrivateBus.current.address, on: try EventLoop.shared.reactor)
        _ = try await stranger.requestName("org.connectto.Context.x", flags: .doNotQueue)
        let outcome = try await Shell.run(
            "connect to x hello; echo $?; connect doctor x >found; echo $?; tail -n 2 found")
        #expect(outcome.lines.prefix(2) == ["68", "68"])
        #expect(outcome.text.contains("which answers, but not as a context"))
        #expect(!outcome.text.contains("five seconds"))
        await stranger.close()
    }
}
