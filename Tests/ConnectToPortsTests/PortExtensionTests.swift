import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectToPorts

/// The room that a transferred port has for what later versions know of its line (`dbus/PROTOCOL.md`, "Ports").
@Suite("A transferred port with an extension", .chosenExecutor, .timeLimit(.minutes(1)))
struct PortExtensionTests {
    /// An entry `x` whose value is `later`.
    private static let entry: [UInt8] = [1, 120, 5, 0] + Array("later".utf8)

    /// Gives a port away by hand, followed by one more message.
    private func receive(
        flags: UInt8
    ) async throws -> (carrier: MessagePort, peer: RawPeer, port: MessagePort, far: StreamSocket) {
        let (near, carrierFar) = try StreamSocket.pair()
        let carrier = try MessagePort(adopting: near, on: .shared)
        let peer = RawPeer(carrierFar)
        let (socket, far) = try StreamSocket.pair()
        let frame = messageWithTable(
            table(Item.port(text("waiting"), flags: flags, extension: Self.entry)), descriptors: 1)
        #expect(try peer.sendWithoutWaiting(frame, descriptors: [socket.descriptor.rawValue]) == frame.count)
        try await peer.send(text("and the carrier goes on"))
        var messages = carrier.messages.makeAsyncIterator()
        let port = try #require(try await messages.next()?.ports.first)
        #expect(try await messages.next()?.text == "and the carrier goes on")
        return (carrier, peer, port, far)
    }

    @Test("A receiver of a port skips an extension that it does not know, and goes on with the line")
    func unknownExtensionIsSkipped() async throws {
        let (carrier, peer, port, far) = try await receive(flags: 0)
        var messages = port.messages.makeAsyncIterator()
        #expect(try await messages.next()?.text == "waiting")
        try port.postMessage("Hello")
        #expect(try await RawPeer(far).receive(13) == Wire.text("Hello"))
        withExtendedLifetime((carrier, peer)) {}
    }

    @Test("A receiver of a port does not pass on an extension that it does not know")
    func unknownExtensionIsNotPassedOn() async throws {
        let (carrier, peer, port, otherEnd) = try await receive(flags: 0)
        let (near, far) = try StreamSocket.pair()
        let next = try MessagePort(adopting: near, on: .shared)
        try next.postMessage(.text("", transfer: [.port(port)]))
        let expected = messageWithTable(table(Item.port(text("waiting"))), descriptors: 1)
        #expect(try await RawPeer(far).receive(expected.count) == expected)
        withExtendedLifetime((carrier, peer, otherEnd)) {}
    }

    @Test(
        "A received port that needs an unknown extension is over by itself, and its peer sees the end")
    func unknownNeededExtensionEndsPort() async throws {
        try await expectNoDescriptorLeak {
            let (carrier, peer, port, far) = try await receive(flags: 4)
            let reason = try await port.waitUntilClosed()
            #expect(reason.code == .protocolError)
            #expect(reason.detail.contains("update this program"))
            await #expect(throws: PortError.self) { for try await _ in port.messages {} }
            #expect(try await RawPeer(far).receiveToEnd() == [])
            #expect(carrier.closeReason == nil)
            carrier.close()
            withExtendedLifetime(peer) {}
        }
    }
}
