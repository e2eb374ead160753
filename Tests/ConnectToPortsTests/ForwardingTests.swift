import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectToPorts

@Suite("A forwarded message", .chosenExecutor, .timeLimit(.minutes(1)))
struct ForwardingTests {
    private let sender: MessagePort
    private let hubIn: MessagePort
    private let hubOut: MessagePort
    private let receiver: MessagePort

    init() throws {
        (sender, hubIn) = try MessageChannel.makePair()
        (hubOut, receiver) = try MessageChannel.makePair()
    }

    /// What the hub receives of a message.
    private func received(_ message: OutgoingMessage) async throws -> Message {
        try sender.postMessage(message)
        return try #require(try await hubIn.take())
    }

    @Test(
        "A forwarded message arrives with its kind and its bytes, short or long",
        arguments: [
            .text(""), .text("short"), .json("[1]"), .bytes([0, 255]),
            .bytes([UInt8](repeating: 7, count: 300_000)), .text(String(repeating: "long ", count: 50_000)),
        ] as [OutgoingMessage])
    func forwardedMessageKeepsKindAndBytes(original: OutgoingMessage) async throws {
        let message = try await received(original)
        #expect(try hubOut.postMessage(.forwarding(message)))
        let arrived = try #require(try await receiver.take())
        #expect(arrived.kind == message.kind)
        #expect(arrived.bytes == message.bytes)
    }

    @Test("A forwarded message brings the ports, files and buffers that came with it, and the forwarder loses them")
    func forwardedMessageBringsItsTransfer() async throws {
        let (kept, given) = try MessageChannel.makePair()
        let file = try OpenFile(duplicating: 0)
        let buffer = try SharedBuffer(count: 3)
        let message = try await received(.text("all", transfer: [.port(given), .file(file), .buffer(buffer)]))
        try hubOut.postMessage(.forwarding(message))
        #expect(message.transferred.map(\.isDetached) == [true, true, true])
        let arrived = try #require(try await receiver.take())
        #expect((arrived.ports.count, arrived.files.count, arrived.buffers.first?.count) == (1, 1, 3))
        try kept.postMessage("over two hops")
        #expect(try await arrived.ports[0].take()?.text == "over two hops")
    }

    @Test("A message that cannot be forwarded leaves everything with the forwarder")
    func refusedForwardingKeepsTransfer() async throws {
        let file = try OpenFile(duplicating: 0)
        let message = try await received(
            .text("one of two is gone", transfer: [.file(file), .file(OpenFile(duplicating: 0))]))
        message.transferred[1].close()
        let error = #expect(throws: PortError.self) { try hubOut.postMessage(.forwarding(message)) }
        #expect(error?.code == .detached)
        #expect(!message.files[0].isDetached)
        // Without what came along it can go.
        var rest = OutgoingMessage.forwarding(message)
        rest.transfer = [.file(message.files[0])]
        try hubOut.postMessage(rest)
        #expect(try await receiver.take()?.files.count == 1)
    }

    @Test("Forwarded messages arrive whole at a slow receiver, after the forwarder has released them")
    func forwardedMessagesWaitForSlowReceiver() async throws {
        let size = 200_000
        for number in 0..<20 {
            let message = try await received(.bytes([UInt8](repeating: UInt8(number), count: size)))
            try hubOut.postMessage(.forwarding(message))
        }
        #expect(hubOut.bufferedAmount > 10 * size)
        for number in 0..<20 {
            let arrived = try #require(try await receiver.take())
            #expect(arrived.bytes == [UInt8](repeating: UInt8(number), count: size))
        }
    }
}
