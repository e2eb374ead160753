import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectToPorts

@Suite("Handing a socket over", .chosenExecutor, .timeLimit(.minutes(1)))
struct HandOverTests {
    private func withStream() throws -> (port: MessagePort, peer: RawPeer) {
        let (near, far) = try StreamSocket.pair()
        return (MessagePort(adopting: near, format: .stream, on: try .shared), RawPeer(far))
    }

    private func socket(_ port: MessagePort) throws -> RawPeer {
        RawPeer(StreamSocket(Descriptor(adopting: try port.takeFileDescriptor())))
    }

    @Test("gives a stream's bytes as they came, both ways, and leaves the port over")
    func stream() async throws {
        try await expectNoDescriptorLeak {
            let (port, peer) = try withStream()
            try await peer.send([0, 1, 2, 255])
            let taken = try socket(port)
            #expect(port.closeReason?.code == .transferred)
            #expect(port.isDetached)
            #expect(try await taken.receive(4) == [0, 1, 2, 255])
            try await taken.send([7])
            #expect(try await peer.receive(1) == [7])
            port.close()
            try await taken.send([8])
            taken.die()
            #expect(try await peer.receiveToEnd() == [8])
            let again = #expect(throws: PortError.self) { try port.takeFileDescriptor() }
            #expect(again?.code == .detached)
        }
    }

    @Test("the descriptor is closed on exec and blocks")
    func flags() throws {
        let (port, peer) = try withStream()
        let number = try port.takeFileDescriptor()
        #expect(fcntl(number, F_GETFD) & FD_CLOEXEC != 0)
        #expect(fcntl(number, F_GETFL) & O_NONBLOCK == 0)
        close(number)
        withExtendedLifetime(peer) {}
    }

    @Test("A stream carries no messages: posting throws, and messages are at their end")
    func noMessages() async throws {
        let (port, peer) = try withStream()
        #expect(#expect(throws: PortError.self) { try port.postMessage("x") }?.code == .isStream)
        #expect(await #expect(throws: PortError.self) { try await port.send(.bytes([1])) }?.code == .isStream)
        #expect(try await port.take() == nil)
        port.finish()
        try await port.flush()
        #expect(port.closeReason == nil)
        port.close()
        #expect(port.closeReason?.code == .closed)
        #expect(try await peer.receiveToEnd() == [])
    }

    @Test("A stream's peer that wrote and left is noticed, and what it wrote can still be read")
    func peerIsGone() async throws {
        try await expectNoDescriptorLeak {
            let (port, peer) = try withStream()
            try await peer.send([1, 2, 3])
            peer.die()
            #expect(try await port.waitUntilClosed().code == .closed)
            let taken = try socket(port)
            #expect(try await taken.receiveToEnd() == [1, 2, 3])
        }
    }

    @Test(
        "A stream that is dropped lets its peer go, whether the peer is there or not",
        arguments: [true, false])
    func dropped(peerIsGone: Bool) async throws {
        try await expectNoDescriptorLeak {
            var pair: (port: MessagePort, peer: RawPeer)? = try withStream()
            let peer = pair?.peer
            if peerIsGone {
                peer?.shutDown()
                _ = try await pair?.port.waitUntilClosed()
            }
            pair = nil
            #expect(try await peer?.receiveToEnd() == [])
        }
    }

    @Test("A stream is opened by the welcome and not by the first byte")
    func opening() async throws {
        let loop = try EventLoop.shared
        let (port, introduction) = MessagePort.opening(format: .stream, on: loop)
        port.start()
        let peer = try introduction.peer()
        #expect(#expect(throws: PortError.self) { try port.takeFileDescriptor() }?.code == .notOpen)
        try await peer.send(Array("early".utf8))
        await loop.settle()
        #expect(port.line.read { !$0.life.isOpen })
        introduction.didOpen()
        try await port.waitUntilOpen()
        #expect(try await socket(port).receive(5) == Array("early".utf8))
    }

    @Test("A stream that is refused is over, whatever the other side wrote on it")
    func refused() async throws {
        let (port, introduction) = MessagePort.opening(format: .stream, on: try .shared)
        try await introduction.peer().send([1])
        introduction.failUnlessOpen(CloseReason(.refused, detail: "no"))
        let error = await #expect(throws: PortError.self) { try await port.waitUntilOpen() }
        #expect(error?.reason?.code == .refused)
        #expect(#expect(throws: PortError.self) { try port.takeFileDescriptor() }?.code == .closed)
    }

    @Test("A port with messages gives up its socket while nothing waits, and the peer sees frames only")
    func messages() async throws {
        let (port, peer) = try RawPeer.withPort()
        try port.postMessage("Hello")
        try await port.flush()
        let taken = try socket(port)
        #expect(port.closeReason?.code == .transferred)
        #expect(try await port.take() == nil)
        try await taken.send(Array("raw".utf8))
        taken.die()
        #expect(try await peer.receiveToEnd() == Wire.text("Hello") + Array("raw".utf8))
    }

    @Test("What waits to be taken or written keeps the socket here, and the port as it was")
    func buffered() async throws {
        let loop = try EventLoop.shared
        let (port, peer) = try RawPeer.withPort()
        port.start()
        try await peer.send(Wire.text("one") + Array(Wire.text("two").prefix(9)))
        await loop.settle()
        func refusal() -> PortError.Code? {
            #expect(throws: PortError.self) { try port.takeFileDescriptor() }?.code
        }
        #expect(refusal() == .stillBuffered)
        #expect(try await port.take()?.text == "one")
        #expect(refusal() == .stillBuffered)
        try await peer.send(Array(Wire.text("two").dropFirst(9)))
        #expect(try await port.take()?.text == "two")

        let large = [UInt8](repeating: 1, count: 4 << 20)
        try port.postMessage(large)
        #expect(port.bufferedAmount > 0)
        #expect(refusal() == .stillBuffered)
        #expect(try await peer.receive(large.count + 8) == Wire.bytes(large))
        try await port.flush()
        let taken = try port.takeFileDescriptor()
        Glibc.close(taken)
    }

    @Test("A port that was closed has no socket to give")
    func closed() throws {
        let (port, peer) = try RawPeer.withPort()
        port.close()
        #expect(#expect(throws: PortError.self) { try port.takeFileDescriptor() }?.code == .detached)
        withExtendedLifetime(peer) {}
    }
}
