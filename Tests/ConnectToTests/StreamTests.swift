import ConnectToDBus
import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectTo

@Suite("Streams by name", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct StreamTests {
    @Test("two programs agree on a stream, and each gets its end of the socket")
    func agreed() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x", options: .init(format: .stream))
        #expect(context.format == .stream)
        let port = here.connectTo("x", format: .stream)
        let event = try #require(await context.nextConnect())
        #expect(event.source.format == .stream)
        let listening = StreamSocket(Descriptor(adopting: try event.source.takeFileDescriptor()))
        try await port.waitUntilOpen()
        let calling = StreamSocket(Descriptor(adopting: try port.takeFileDescriptor()))
        try calling.write([0, 0, 0, 0, 0])
        var buffer = [UInt8](repeating: 1, count: 16)
        #expect(recv(listening.descriptor.rawValue, &buffer, 16, 0) == 5)
        #expect(Array(buffer.prefix(6)) == [0, 0, 0, 0, 0, 1])
    }

    @Test(
        "a listener refuses the format that it does not have, and says which it is",
        arguments: [LineFormat.messages, .stream])
    func mismatch(format: LineFormat) async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x", options: .init(format: format))
        let other: LineFormat = format == .stream ? .messages : .stream
        let reason = try await here.connectTo("x", format: other).waitUntilClosed()
        #expect(reason.code == .refused)
        #expect(reason.detail.contains(format == .stream ? "streams" : "messages"))
        // The right one is served as if nothing had been.
        let port = here.connectTo("x", format: format)
        let event = try #require(await context.nextConnect())
        try await port.waitUntilOpen()
        withExtendedLifetime(event) {}
    }

    @Test("a word that nobody knows is refused too")
    func unknownFormat() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x")
        var hello = Greeting()
        hello.format = "video"
        let (near, far) = try StreamSocket.pair()
        let name = context.registration.context
        let error = await #expect(throws: DBusError.self) {
            try await here.connection.call(
                OutgoingCall(
                    destination: name.busName, path: name.objectPath, interface: ContextInterface.name,
                    member: ContextInterface.connect, body: [.unixFD(far.descriptor), hello.encoded]),
                deadline: .seconds(30))
        }
        #expect(error?.name == ContextInterface.refused)
        withExtendedLifetime(near) {}
    }

    @Test(
        "a welcome of another format than was asked for is a protocol error",
        arguments: [LineFormat.messages, .stream])
    func oldListener(format: LineFormat) async throws {
        let bus = try await Bus.onPrivateBus()
        let listener = try await ScriptedListener("x")
        let port = bus.connectTo("x", format: format)
        let other: LineFormat = format == .stream ? .messages : .stream
        await listener.reply(to: try await listener.nextCall(), [Greeting(format: other).encoded])
        #expect(try await port.waitUntilClosed().code == .protocolError)
    }

    @Test("a stream is not opened by what the listener writes before its welcome")
    func byteFirst() async throws {
        let bus = try await Bus.onPrivateBus()
        let listener = try await ScriptedListener("x")
        let port = bus.connectTo("x", format: .stream)
        let call = try await listener.nextCall()
        try #require(call.line).write([1, 2, 3])
        await listener.replyError(to: call, ContextInterface.refused)
        #expect(try await port.waitUntilClosed().code == .refused)
    }

    @Test("the format is a property of the context", arguments: [LineFormat.messages, .stream])
    func property(format: LineFormat) async throws {
        let bus = try await Bus.onPrivateBus()
        let context = try await bus.register("x", options: .init(format: format))
        let reply = try await bus.connection.call(
            OutgoingCall(
                destination: context.busName, path: context.registration.context.objectPath,
                interface: ContextInterface.properties, member: "Get",
                body: [.string(ContextInterface.name), .string("Format")]),
            deadline: .seconds(30))
        #expect(reply.body == [.variant(.string(format.rawValue))])
    }
}
