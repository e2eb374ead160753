import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectToPorts

@Suite("Detaching a port's socket", .chosenExecutor, .timeLimit(.minutes(1)))
struct DetachingSocketTests {
    private func socket(_ port: MessagePort) throws -> RawPeer {
        RawPeer(StreamSocket(Descriptor(adopting: try port.detachSocket())))
    }

    private func refusal(_ port: MessagePort) -> PortError.Code? {
        #expect(throws: PortError.self) { try port.detachSocket() }?.code
    }

    @Test("A port without waiting messages gives up its socket and is over, and its peer sees frames only")
    func quietPortGivesUpSocket() async throws {
        try await expectNoDescriptorLeak {
            let (port, peer) = try RawPeer.withPort()
            try port.postMessage("Hello")
            try await port.flush()
            let taken = try socket(port)
            #expect(port.closeReason?.code == .transferred)
            #expect(port.isDetached)
            #expect(try await port.take() == nil)
            port.close()
            try await taken.send(Array("raw".utf8))
            taken.die()
            #expect(try await peer.receiveToEnd() == Wire.text("Hello") + Array("raw".utf8))
            #expect(refusal(port) == .detached)
        }
    }

    @Test("withDetachedSocket closes the socket here, so that the end of its other holder ends the port")
    func withDetachedSocketClosesSocketHere() async throws {
        let channel = try MessageChannel()
        let worker = try channel.port2.withDetachedSocket { Glibc.dup($0) }
        #expect(channel.port2.closeReason?.code == .transferred)
        #expect(channel.port1.closeReason == nil)
        // As when the worker's process ends.
        close(worker)
        #expect(try await channel.port1.waitUntilClosed().code == .peerExited)
        #expect(throws: PortError.self) { try channel.port2.withDetachedSocket { _ in } }
    }

    @Test("A descriptor detached from a port is closed on exec and blocks")
    func detachedDescriptorClosesOnExec() throws {
        let (port, peer) = try RawPeer.withPort()
        let number = try port.detachSocket()
        #expect(fcntl(number, F_GETFD) & FD_CLOEXEC != 0)
        #expect(fcntl(number, F_GETFL) & O_NONBLOCK == 0)
        close(number)
        withExtendedLifetime(peer) {}
    }

    @Test("A port that is not open yet keeps its socket")
    func portNotYetOpenKeepsSocket() async throws {
        let (port, introduction) = MessagePort.opening(on: try .shared)
        let peer = try introduction.peer()
        #expect(refusal(port) == .notOpen)
        introduction.didOpen()
        try await port.waitUntilOpen()
        let taken = try socket(port)
        try await peer.send([1])
        #expect(try await taken.receive(1) == [1])
    }

    @Test("A port with messages to be taken or written keeps its socket, and stays as it was")
    func bufferedMessagesKeepSocket() async throws {
        let loop = try EventLoop.shared
        let (port, peer) = try RawPeer.withPort()
        port.start()
        try await peer.send(Wire.text("one") + Array(Wire.text("two").prefix(9)))
        await loop.catchUp()
        #expect(refusal(port) == .stillBuffered)
        #expect(try await port.take()?.text == "one")
        #expect(refusal(port) == .stillBuffered)
        try await peer.send(Array(Wire.text("two").dropFirst(9)))
        #expect(try await port.take()?.text == "two")

        let large = [UInt8](repeating: 1, count: 4 << 20)
        try port.postMessage(large)
        #expect(port.bufferedAmount > 0)
        #expect(refusal(port) == .stillBuffered)
        #expect(try await peer.receive(large.count + 8) == Wire.bytes(large))
        try await port.flush()
        let taken = try port.detachSocket()
        Glibc.close(taken)
    }

    @Test("A port that was closed, or whose peer has gone, has no socket to detach")
    func endedPortHasNoSocket() async throws {
        let (port, peer) = try RawPeer.withPort()
        port.close()
        #expect(refusal(port) == .detached)
        let (other, gone) = try RawPeer.withPort()
        gone.die()
        try await other.waitUntilClosed()
        #expect(refusal(other) == .closed)
        withExtendedLifetime(peer) {}
    }
}
