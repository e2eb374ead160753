import ConnectToLinux
import ConnectToTesting
import Subprocess
import SystemPackage
import Testing

@Suite("A private bus", .timeLimit(.minutes(1)))
struct PrivateBusTests {
    @Test("A private bus answers at its address")
    func busAnswersAtItsAddress() async throws {
        try await withPrivateBus { bus in
            let names = try await names(on: bus)
            #expect(names.contains("org.freedesktop.DBus"))
        }
    }

    @Test("A private bus ends with its closure, and its directory with it")
    func busEndsWithClosure() async throws {
        let bus = try await withPrivateBus { bus in
            #expect(exists(bus.directory))
            #expect(isAlive(bus))
            return bus
        }
        #expect(!exists(bus.directory))
        #expect(!isAlive(bus))
    }

    @Test("A private bus ends when its closure throws")
    func busEndsWhenClosureThrows() async throws {
        struct Oops: Error {}
        let seen = Lock<PrivateBus?>(nil)
        await #expect(throws: Oops.self) {
            try await withPrivateBus { bus in
                seen.withLock { $0 = bus }
                throw Oops()
            }
        }
        let bus = try #require(seen.withLock { $0 })
        #expect(!exists(bus.directory))
        #expect(!isAlive(bus))
    }

    @Test("A private bus ends when its task is cancelled, while the closure still waits")
    func busEndsWhenTaskIsCancelled() async throws {
        let (started, starts) = AsyncStream.makeStream(of: PrivateBus.self)
        let task = Task {
            try await withPrivateBus { bus in
                starts.yield(bus)
                // Ends when the task is cancelled, and not before.
                for await _ in AsyncStream<Never>.makeStream().stream {}
            }
        }
        let bus = try #require(await started.first { _ in true })
        #expect(isAlive(bus))
        task.cancel()
        _ = await task.result
        #expect(!exists(bus.directory))
        #expect(!isAlive(bus))
    }

    @Test("A private bus does not start in a cancelled task")
    func noBusInCancelledTask() async throws {
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await withPrivateBus { _ in
                _ = Issue.record("the closure ran")
            }
        }
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test("A private bus that was killed is gone, and refuses connections")
    func killedBusRefuses() async throws {
        try await withPrivateBus { bus in
            bus.kill()
            #expect(!isRunning(bus))
            await #expect(throws: NoAnswer.self) { try await names(on: bus) }
            bus.kill()
        }
    }

    @Test(
        "A private bus starts the services of the directory it was given, and no others",
        .enabled(if: BusProgram.chosen.startsServices, "dbus-broker leaves that to systemd"))
    func busStartsServicesOfDirectory() async throws {
        try await withTemporaryDirectory(prefix: "connectto test & <services>") { services in
            let file = try FileDescriptor.open(
                services.appending("sleeper.service"), .writeOnly, options: .create,
                permissions: .ownerReadWrite)
            try file.closeAfter {
                _ = try file.writeAll("[D-BUS Service]\nName=org.example.Sleeper\nExec=/bin/true\n".utf8)
            }
            try await withPrivateBus(services: services.string) { bus in
                let names = try await names(on: bus, method: "ListActivatableNames")
                #expect(Set(names) == ["org.freedesktop.DBus", "org.example.Sleeper"])
            }
        }
        try await withPrivateBus { bus in
            let names = try await names(on: bus, method: "ListActivatableNames")
            #expect(names == ["org.freedesktop.DBus"])
        }
    }

    @Test("A private bus lets its closure use what the caller's actor owns")
    func closureRunsOnCallersActor() async throws {
        actor Owner {
            var seen: [String] = []
            func look() async throws -> Int {
                try await withPrivateBus { bus in seen.append(bus.address) }
                return seen.count
            }
        }
        #expect(try await Owner().look() == 1)
    }

    @Test("Many private buses can run at once")
    func manyBusesAtOnce() async throws {
        let addresses = try await withThrowingTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    try await withPrivateBus { bus in
                        _ = try await names(on: bus)
                        return bus.address
                    }
                }
            }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(addresses.count == 8)
    }

    @Test("A private bus without dbus-daemon throws an error that says what to install")
    func missingDaemonIsAnError() async throws {
        let error = await startError(of: "connectto-no-such-daemon")
        #expect(error?.code == .daemonMissing)
        #expect(error?.message.contains("apt-get install dbus") == true)
    }

    @Test("A private bus whose daemon ends at once throws an error with the daemon's output")
    func daemonThatEndsAtOnceIsAnError() async throws {
        // Ends at once with a complaint about its arguments.
        let error = await startError(of: "cat")
        #expect(error?.code == .startFailed)
        #expect(error?.message.contains("--config-file") == true)
    }

    @Test("A private bus whose daemon stays silent throws when the time for that is over")
    func silentDaemonTimesOut() async throws {
        try await withTemporaryDirectory(prefix: "connectto-test") { directory in
            let program = directory.appending("silent")
            // Written by a child: a descriptor of ours that is open for writing, inherited by whatever
            // another test starts at this moment, would make the program "text file busy".
            _ = try await run(
                .name("install"), arguments: ["-m", "700", "/dev/stdin", program.string],
                input: .string("#!/bin/sh\nexec sleep 60\n"), output: .discarded)
            let error = await startError(of: program.string, within: .milliseconds(50))
            #expect(error?.code == .startTimedOut)
        }
    }

    private func startError(of program: String, within limit: Duration = .seconds(10)) async
        -> PrivateBusError?
    {
        await #expect(throws: PrivateBusError.self) {
            try await withPrivateBus(
                of: .daemon(program), startingWithin: limit, configuration: BusConfiguration()
            ) { _ in }
        }
    }

    @Test("A private bus throws its closure's errors as they are")
    func closuresErrorsAreUnchanged() async throws {
        let error = await #expect(throws: SubprocessError.self) {
            try await withPrivateBus { _ in
                _ = try await run(.name("connectto-no-such-program"), output: .discarded)
            }
        }
        #expect(error?.code == .executableNotFound)
    }

    @Test("PrivateBus.current without the trait throws")
    func currentBusNeedsTrait() {
        let error = #expect(throws: PrivateBusError.self) { try PrivateBus.current }
        #expect(error?.code == .noCurrentBus)
    }
}
