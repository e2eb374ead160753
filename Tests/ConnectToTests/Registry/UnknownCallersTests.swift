import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectTo
@testable import ConnectToDBus

/// Whoever asks what only the listener's own user is told: the bus is asked who that is.
@Suite("Calls of callers that the listener does not know yet", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct UnknownCallersTests {
    @Test(
        "Questions of callers that the listener does not know yet wait in a bounded room", arguments: ["Status", "Tap"])
    func unknownCallersWaitInBoundedRoom(member: String) async throws {
        try await withSilentBus { bus, context in
            let descriptors = try StreamSocket.pair()
            let turnedAway = await bus.registry.afterReceiving(
                (0..<300).map { call(member, on: context, descriptors.0.descriptor, serial: $0) })
            #expect(turnedAway == 300 - 256)
            // Nobody is refused a connection by that.
            #expect(context.statistics.refused == 0)
            #expect(await bus.identities.hasRoom(for: ":1.2000"))
        }
    }

    @Test("Where the room for unknown callers is taken, a call under a new name is refused before its body is read")
    func fullRoomRefusesNewNames() async throws {
        try await withSilentBus { bus, context in
            let descriptors = try StreamSocket.pair()
            let line = descriptors.0.descriptor
            let newcomer = call(ContextInterface.connect, on: context, line, from: ":1.2000", serial: 1)
            #expect(await !bus.registry.hasTurnedAway(newcomer))
            _ = await bus.registry.afterReceiving(
                (0..<4_096).map { call("Status", on: context, line, from: ":1.\(3000 + $0)", serial: 1) })
            #expect(await bus.registry.hasTurnedAway(newcomer))
        }
    }

    @Test("A line whose descriptor would be of the reserve is released before the bus is asked about its caller")
    func lineOfReserveIsReleasedUnasked() async throws {
        try await withSilentBus { bus, context in
            let (near, far) = try StreamSocket.pair()
            try await withDescriptorLimit(200) { _ in
                let last = try systemCall("fcntl") {
                    fcntl(far.descriptor.rawValue, F_DUPFD_CLOEXEC, Int32(DescriptorReserve.available))
                }
                let turnedAway = await bus.registry.afterReceiving([
                    call("Tap", on: context, Descriptor(adopting: last), serial: 1)
                ])
                #expect(turnedAway == 1)
                Descriptor.waitUntilAllAreClosed()
                #expect(fcntl(last, F_GETFD) == -1)
            }
            withExtendedLifetime(near) {}
        }
    }

    /// A bus that answers nothing while the body runs.
    private func withSilentBus(_ body: (Bus, Context) async throws -> Void) async throws {
        let bus = try await Bus.onPrivateBus()
        let context = try await bus.register("x", options: .init(isTappable: true))
        let processID = try PrivateBus.current.processID
        kill(processID, SIGSTOP)
        defer { kill(processID, SIGCONT) }
        try await body(bus, context)
    }

    private func call(
        _ member: String, on context: Context, _ line: Descriptor, from sender: String = ":1.1000", serial: UInt32
    ) -> MethodCall {
        let options = DBusValue.dictionary(key: "s", value: "v", [])
        return MethodCall(
            sender: sender, path: context.registration.context.objectPath,
            interface: ContextInterface.name,
            member: member, body: member == "Tap" ? [.unixFD(line), options] : [], expectsReply: true,
            serial: serial)
    }
}

extension Registry {
    /// - Returns: how many of the calls were refused as busy.
    fileprivate func afterReceiving(_ calls: [MethodCall]) -> Int {
        let before = turnedAway.count
        for call in calls { _ = didReceive(call) }
        return turnedAway.count - before
    }
}
