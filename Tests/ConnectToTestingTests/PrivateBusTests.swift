import ConnectToLinux
import ConnectToTesting
import Subprocess
import SystemPackage
import Testing

@Suite("A private bus", .timeLimit(.minutes(1)))
struct PrivateBusTests {
    @Test("answers at its address")
    func answers() async throws {
        try await withPrivateBus { bus in
            let names = try await names(on: bus)
            #expect(names.contains("org.freedesktop.DBus"))
        }
    }

    @Test("ends with its closure, and its directory with it")
    func endsWithItsClosure() async throws {
        let bus = try await withPrivateBus { bus in
            #expect(exists(bus.directory))
            #expect(isAlive(bus))
            return bus
        }
        #expect(!exists(bus.directory))
        #expect(!isAlive(bus))
    }

    @Test("ends when its closure throws")
    func endsOnThrow() async throws {
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

    @Test("ends when its task is cancelled, while the closure still waits")
    func endsOnCancellation() async throws {
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

    @Test("does not start in a cancelled task")
    func notInACancelledTask() async throws {
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await withPrivateBus { _ in
                _ = Issue.record("the closure ran")
            }
        }
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test("is gone, and refuses, once killed")
    func kill() async throws {
        try await withPrivateBus { bus in
            bus.kill()
            #expect(!isRunning(bus))
            await #expect(throws: NoAnswer.self) { try await names(on: bus) }
            bus.kill()
        }
    }

    @Test(
        "starts the services of the directory it was given, and no others",
        .enabled(if: BusProgram.chosen.startsServices, "dbus-broker leaves that to systemd"))
    func services() async throws {
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

    @Test("lets its closure use what the caller's actor owns")
    func isolation() async throws {
        actor Owner {
            var seen: [String] = []
            func look() async throws -> Int {
                try await withPrivateBus { bus in seen.append(bus.address) }
                return seen.count
            }
        }
        #expect(try await Owner().look() == 1)
    }

    @Test("is one of many at once")
    func manyAtOnce() async throws {
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

    @Test("is missing where there is no dbus-daemon, and the error says what to install")
    func noDaemon() async throws {
        let error = await startError(of: "connectto-no-such-daemon")
        #expect(error?.code == .daemonMissing)
        #expect(error?.message.contains("apt-get install dbus") == true)
    }

    @Test("does not start where the daemon ends at once, and the error says what the daemon said")
    func endsAtOnce() async throws {
        // Ends at once with a complaint about its arguments.
        let error = await startError(of: "cat")
        #expect(error?.code == .startFailed)
        #expect(error?.message.contains("--config-file") == true)
    }

    @Test("does not start where the daemon stays silent, and that has a limit")
    func staysSilent() async throws {
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

    @Test("leaves its closure's own errors alone")
    func ownErrors() async throws {
        let error = await #expect(throws: SubprocessError.self) {
            try await withPrivateBus { _ in
                _ = try await run(.name("connectto-no-such-program"), output: .discarded)
            }
        }
        #expect(error?.code == .executableNotFound)
    }

    @Test("is not to be had without the trait")
    func noTrait() {
        let error = #expect(throws: PrivateBusError.self) { try PrivateBus.current }
        #expect(error?.code == .noCurrentBus)
    }
}
