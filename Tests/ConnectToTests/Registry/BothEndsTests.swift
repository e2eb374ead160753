import ConnectToDBus
import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectTo

@Suite("Both ends of one socket pair", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct BothEndsTests {
    @Test("Both ends of one pair are not two lines of one listener, which ends its line when the caller leaves")
    func bothEndsToOneListener() async throws {
        try await expectNoDescriptorLeak {
            let there = try await Bus.onPrivateBus()
            let context = try await there.register("x")
            let caller = try await Caller()
            var events: [ConnectEvent] = []
            for _ in 0..<32 {
                let (one, other) = try StreamSocket.pair()
                try await caller.introduce(one, to: "x")
                events.append(try #require(await context.nextConnect()))
                let error = await #expect(throws: DBusError.self) { try await caller.introduce(other, to: "x") }
                #expect(error?.name == DBusError.Name.invalidArguments)
                #expect(error?.message.contains("keep the other end") == true)
            }
            await caller.close()
            for event in events { #expect(try await event.source.waitUntilClosed().code == .peerExited) }
            #expect(context.statistics.admitted == 32)
            await there.close()
        }
    }

    @Test("Both ends of one pair are not lines of two listeners, which may be programs without a caller")
    func bothEndsToTwoListeners() async throws {
        let (first, second) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let (x, y) = (try await first.register("x"), try await second.register("y"))
        let caller = try await Caller()
        let (one, other) = try StreamSocket.pair()
        try await caller.introduce(one, to: "x")
        let error = await #expect(throws: DBusError.self) { try await caller.introduce(other, to: "y") }
        #expect(error?.name == DBusError.Name.invalidArguments)
        #expect(x.statistics.admitted == 1)
        #expect(y.statistics.admitted == 0)
    }

    @Test("Both ends of one pair are not a line and a tap of it, which would show its own records for ever")
    func bothEndsAsLineAndTap() async throws {
        let there = try await Bus.onPrivateBus()
        let context = try await there.register("x", options: .init(isTappable: true))
        let caller = try await Caller()
        let (one, other) = try StreamSocket.pair()
        try await caller.introduce(one, to: "x")
        let options = DBusValue.dictionary(key: "s", value: "v", [])
        let error = await #expect(throws: DBusError.self) {
            try await caller.introduce(other, to: "x", by: ContextInterface.tap, options)
        }
        #expect(error?.name == DBusError.Name.invalidArguments)
        #expect(context.statistics.admitted == 1)
    }

    @Test("Both ends of one pair may be transferred as ports, and one end may be offered to a second listener")
    func bothEndsMayBeTransferred() async throws {
        let there = try await Bus.onPrivateBus()
        let context = try await there.register("x")
        let caller = try await Caller()
        let (near, far) = try StreamSocket.pair()
        await #expect(throws: DBusError.self) { try await caller.introduce(far, to: "nobody") }
        // The same end once more, as a caller does whose first call has reached nobody.
        try await caller.introduce(far, to: "x")
        try near.write(Frames.text("hello"))
        let event = try #require(await context.nextConnect())
        #expect(try await event.source.nextText() == "hello")

        let port = there.connectTo("x")
        let call = try #require(await context.nextConnect())
        let channel = try MessageChannel()
        try channel.port1.postMessage("said before")
        try await port.waitUntilOpen()
        try port.postMessage(.text("both", transfer: [.port(channel.port1), .port(channel.port2)]))
        var messages = call.source.messages.makeAsyncIterator()
        let ports = try #require(try await messages.next()).ports
        #expect(ports.count == 2)
        #expect(try await ports.last?.nextText() == "said before")
    }
}

/// A caller that is not this library's, and passes what it likes.
private final class Caller: Sendable {
    private let connection: BusConnection

    init() async throws {
        connection = try await BusConnection.open(
            address: try PrivateBus.current.address, on: try EventLoop.shared.reactor)
    }

    func introduce(
        _ line: consuming StreamSocket, to name: String, by member: String = ContextInterface.connect,
        _ options: DBusValue = Greeting().encoded
    ) async throws {
        let context = try ContextName(name)
        let call = OutgoingCall(
            destination: context.busName, path: context.objectPath, interface: ContextInterface.name, member: member,
            body: [.unixFD(line.descriptor), options])
        _ = try await connection.call(call, deadline: .seconds(10))
    }

    func close() async {
        await connection.close()
    }
}
