import ConnectToTesting
import Testing

@testable import Ports

@Suite("Finishing a port", .chosenExecutor, .timeLimit(.minutes(1)))
struct FinishingTests {
    @Test("ends the peer's sequence after what was posted, and leaves the other direction open")
    func halfClose() async throws {
        let channel = try MessageChannel()
        try channel.port1.postMessage("request")
        channel.port1.finish()
        let (texts, error) = await channel.port2.takeAll()
        #expect(texts == ["request"])
        #expect(error == nil)
        #expect(channel.port2.peerHasFinished && !channel.port1.peerHasFinished)
        #expect(channel.port2.closeReason == nil)
        try channel.port2.postMessage("answer")
        #expect(try await channel.port1.take()?.text == "answer")
    }

    @Test("on both sides closes both, when everything is taken")
    func both() async throws {
        let channel = try MessageChannel()
        try channel.port1.postMessage("to 2")
        try channel.port2.postMessage("to 1")
        channel.port1.finish()
        channel.port2.finish()
        #expect(try await channel.port2.take()?.text == "to 2")
        #expect(try await channel.port1.take()?.text == "to 1")
        #expect(await channel.port1.closed.code == .closed)
        #expect(await channel.port2.closed.code == .closed)
        #expect(channel.port1.undelivered == 0 && channel.port2.undelivered == 0)
    }

    @Test("sends finish once, then close with the count when the last message is taken")
    func onTheWire() async throws {
        let (port, peer) = try RawPeer.withPort()
        try port.postMessage("Hello")
        port.finish()
        port.finish()
        try await peer.send(Wire.text("1") + Wire.text("2") + Wire.finish)
        #expect(try await port.take()?.text == "1")
        #expect(port.closeReason == nil)
        #expect(try await port.take()?.text == "2")
        #expect(port.closeReason?.code == .closed)
        #expect(try await peer.receiveToEnd() == Wire.text("Hello") + Wire.finish + Wire.close(taken: 2))
        #expect(try await port.take() == nil)
    }

    @Test("waits behind what is queued")
    func behindTheQueue() async throws {
        let (port, peer) = try RawPeer.withPort()
        let much = [UInt8](repeating: 5, count: 4 << 20)
        try port.postMessage(much)
        port.finish()
        #expect(try await peer.receive(much.count + 16) == Wire.bytes(much) + Wire.finish)
    }

    @Test("ends every consumer that waits")
    func endsConsumers() async throws {
        let (port, peer) = try RawPeer.withPort()
        let consumers = (0..<3).map { _ in Task { try await port.take() } }
        await port.someoneWaits(for: .input, atLeast: 3)
        try await peer.send(Wire.finish)
        for consumer in consumers { #expect(try await consumer.joined() == nil) }
        #expect(port.closeReason == nil)
    }
}
