import ConnectToTestSupport
import ConnectToTesting
import Glibc
import SystemPackage
import Testing

@testable import ConnectTo

@Suite(
    "A listener that the bus starts", .chosenExecutor, .timeLimit(.minutes(1)),
    .enabled(if: BusProgram.chosen.startsServices, "dbus-broker leaves starting services to systemd"))
struct ActivationTests {
    /// A bus that knows how to start `x`.
    private func withService(
        running command: String, limits: [String: Int] = [:], _ body: (PrivateBus) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory(prefix: "connectto-services") { directory in
            let file = try FileDescriptor.open(
                directory.appending("x.service"), .writeOnly, options: [.create, .closeOnExec],
                permissions: .ownerReadWrite)
            try file.closeAfter {
                _ = try file.writeAll(
                    "[D-BUS Service]\nName=org.connectto.Context.x\nExec=\(command)\n".utf8)
            }
            try await withPrivateBus(
                configuration: BusConfiguration(services: directory.string, limits: limits), body)
        }
    }

    @Test(
        "Connecting starts a listener that the bus knows, whatever the wait, and what was posted before arrives",
        arguments: [WaitPolicy.now, .untilAvailable(for: .seconds(30))])
    func connectingStartsListener(policy: WaitPolicy) async throws {
        // The bus's address is among what it tells those whom it starts. The peer would end with its input.
        let command = """
            /bin/sh -c 'cue=$(mktemp -u) && mkfifo "$cue" && exec 3<>"$cue" && rm "$cue" &&
            exec \(testPeer) "$DBUS_STARTER_ADDRESS" echo x <&3'
            """.split(separator: "\n").joined(separator: " ")
        try await withService(running: command) { bus in
            let here = try await Bus.makeSeparate(at: bus.address)
            let port = here.connectTo("x", options: .init(wait: policy))
            try port.postMessage("early")
            #expect(try await port.nextText() == "early")
            port.close()
            // It has no other cue to end.
            for entry in try await here.directory() { _ = entry.pid.map { kill($0, SIGKILL) } }
        }
    }

    @Test("Looking for a context in the directory does not start its program")
    func lookingStartsNothing() async throws {
        try await withService(running: "/bin/false") { bus in
            let here = try await Bus.makeSeparate(at: bus.address)
            #expect(try await here.canStart("x"))
            #expect(try await !here.canStart("y"))
            await #expect { try await here.canStart("") } throws: { ConnectToError.Code.invalidName ~= $0 }
            #expect(try await here.directory().isEmpty)
            let changes = try await here.changes()
            #expect(changes.snapshot.isEmpty)
        }
    }

    @Test("The bus can start a listener whose service file was written later once it has read its configuration again")
    func serviceFileWrittenLater() async throws {
        try await withTemporaryDirectory(prefix: "connectto-services") { directory in
            // A bus watches only the directories that are there when it starts.
            let services = directory.appending("later")
            try await withPrivateBus(configuration: BusConfiguration(services: services.string)) { bus in
                let here = try await Bus.makeSeparate(at: bus.address)
                mkdir(services.string, 0o700)
                let file = try FileDescriptor.open(
                    services.appending("x.service"), .writeOnly, options: [.create, .closeOnExec],
                    permissions: .ownerReadWrite)
                try file.closeAfter {
                    _ = try file.writeAll("[D-BUS Service]\nName=org.connectto.Context.x\nExec=/bin/false\n".utf8)
                }
                #expect(try await !here.canStart("x"))
                try await here.reloadConfiguration()
                #expect(try await here.canStart("x"))
            }
        }
    }

    @Test("A listener that the bus cannot start is tried once, also by a loop over connections")
    func failedStartIsTriedOnce() async throws {
        try await withService(running: "/bin/false") { bus in
            let here = try await Bus.makeSeparate(at: bus.address)
            #expect(try await here.connectTo("x", options: .init(wait: .now)).waitUntilClosed().code == .startFailed)
            let next = Task {
                var connections = here.connections(to: "x").makeAsyncIterator()
                return try await connections.next() != nil
            }
            let limit = Task {
                try await Task.sleep(for: .seconds(10))
                next.cancel()
            }
            let error = await #expect(throws: PortError.self) { try await next.value }
            #expect(error?.reason?.code == .startFailed)
            limit.cancel()
        }
    }

    @Test("A program that the bus starts and that does not register the name is a timeout, which the reason says")
    func startedProgramWithoutNameTimesOut() async throws {
        try await withService(running: "/bin/sleep 60", limits: ["service_start_timeout": 100]) { bus in
            let here = try await Bus.makeSeparate(at: bus.address)
            let reason = try await here.connectTo("x", options: .init(wait: .untilAvailable(for: .seconds(30))))
                .waitUntilClosed()
            #expect(reason.code == .timedOut)
            #expect(reason.detail.contains("was started"))
        }
    }
}

@Suite(
    "A service file on a bus that leaves starting to systemd, and has none", .chosenExecutor, .timeLimit(.minutes(1)),
    .enabled("dbus-broker is not installed") { access("/usr/bin/dbus-broker-launch", X_OK) == 0 })
struct NoStarterTests {
    @Test("A bus that leaves starting to systemd, and has none, starts nothing, and a caller learns what the bus says")
    func brokerWithoutSystemdStartsNothing() async throws {
        try await withTemporaryDirectory(prefix: "connectto-services") { directory in
            let file = try FileDescriptor.open(
                directory.appending("org.connectto.Context.x.service"), .writeOnly, options: [.create, .closeOnExec],
                permissions: .ownerReadWrite)
            try file.closeAfter {
                _ = try file.writeAll("[D-BUS Service]\nName=org.connectto.Context.x\nExec=/bin/true\n".utf8)
            }
            try await withPrivateBus(of: .broker, configuration: BusConfiguration(services: directory.string)) { bus in
                let here = try await Bus.makeSeparate(at: bus.address)
                #expect(try await !here.canStart("x"))
                for policy in [WaitPolicy.now, .untilAvailable(for: .seconds(30))] {
                    let reason = try await here.connectTo("x", options: .init(wait: policy)).waitUntilClosed()
                    #expect(reason.code == .startFailed)
                    #expect(reason.detail.contains("systemd"))
                }
                #expect(
                    try await here.connectTo("y", options: .init(wait: .now)).waitUntilClosed().code == .unavailable)
            }
        }
    }
}
