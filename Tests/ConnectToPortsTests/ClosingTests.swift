import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectToPorts

@Suite("Closing a port", .chosenExecutor, .timeLimit(.minutes(1)))
struct ClosingTests {
    private static let much = [UInt8](repeating: 5, count: 4 << 20)

    @Test("Closing a port delivers what was posted before, then the close with its count")
    func closeDeliversWhatWasPosted() async throws {
        let (port, peer) = try RawPeer.withPort()
        try await peer.send(Wire.text("1") + Wire.text("2") + Wire.text("not taken"))
        #expect(try await port.take()?.text == "1")
        #expect(try await port.take()?.text == "2")
        try port.postMessage("before")
        try port.postMessage(Self.much)
        port.close()
        try port.postMessage("after")
        #expect(port.closeReason?.code == .closed)
        let expected = Wire.text("before") + Wire.bytes(Self.much) + Wire.close(taken: 2)
        #expect(try await peer.receiveToEnd() == expected)
    }

    @Test("Closing a port ends its own delivery at once, what has arrived included")
    func closeEndsOwnDelivery() async throws {
        let (port, peer) = try RawPeer.withPort()
        try await peer.send(Wire.text("1") + Wire.text("2") + Wire.text("3"))
        #expect(try await port.take()?.text == "1")
        port.close()
        #expect(try await port.take() == nil)
        #expect(try await port.waitUntilClosed().code == .closed)
    }

    @Test("Closing a port ends every wait on it: for a message, for the end and for the opening")
    func closeEndsWaits() async throws {
        let (port, introduction) = MessagePort.opening(on: try .shared)
        let taking = Task { try await port.take() }
        let closed = Task { try await port.waitUntilClosed() }
        let opened = Task { try await port.waitUntilOpen() }
        await port.untilTaskWaits(for: .input)
        await port.untilTaskWaits(for: .end)
        await port.untilTaskWaits(for: .opening)
        port.close()
        #expect(try await taking.joined() == nil)
        #expect(try await closed.joined().code == .closed)
        let error = await #expect(throws: PortError.self) { try await opened.joined() }
        #expect(error?.code == .closed)
        introduction.failUnlessOpen(CloseReason(.unavailable, detail: "nobody"))
        #expect(port.closeReason?.code == .closed)
    }

    @Test("A closed port hands over what was posted in the background, and a flush waits for that")
    func flushAfterCloseWaitsForHandOver() async throws {
        let (port, peer) = try RawPeer.withPort()
        try port.postMessage(Self.much)
        port.close()
        let flushing = Task { try await port.flush() }
        await port.untilTaskWaits(for: .flush)
        #expect(port.bufferedAmount > 0)
        #expect(try await peer.receiveToEnd() == Wire.bytes(Self.much) + Wire.close(taken: 0))
        try await flushing.joined()
        #expect(port.bufferedAmount == 0)
    }

    @Test("A closed port gives up on a peer that takes nothing, without a close")
    func closeGivesUpOnStalledPeer() async throws {
        var limits = PortLimits()
        limits.linger = .milliseconds(20)
        let (port, peer) = try RawPeer.withPort(limits: limits)
        try port.postMessage(Self.much)
        port.close()
        await #expect(throws: PortError.self) { try await port.flush() }
        #expect(port.bufferedAmount == 0)
        let left = try await peer.receiveToEnd()
        #expect(left.count < Self.much.count)
        #expect(left[...] == Wire.bytes(Self.much)[..<left.count])
    }

    @Test("A closed port goes on writing to a peer that reads slowly, as long as it reads 64 KiB in its time")
    func closeWritesOnToSlowReader() async throws {
        let loop = try EventLoop.shared
        var limits = PortLimits()
        limits.linger = .milliseconds(100)
        let (port, peer) = try RawPeer.withPort(limits: limits)
        let message = [UInt8](repeating: 1, count: 512 << 10)
        try port.postMessage(message)
        port.close()
        // On the port's own clock, so that a slow machine is slow for both. Each time it reads less than makes the
        // kernel say that there is room again.
        let received = await withCheckedContinuation { continuation in
            peer.receive(50_000, every: .milliseconds(60), on: loop) { continuation.resume(returning: $0) }
        }
        #expect(received == Wire.bytes(message) + Wire.close(taken: 0))
    }

    @Test("A closed port takes in what the peer still writes, so that the peer gets to read", arguments: [true, false])
    func closeReadsWhatPeerStillWrites(started: Bool) async throws {
        let (port, peer) = try RawPeer.withPort()
        if started {
            // Full, and so not reading any more.
            port.start()
            try await peer.send(Wire.bytes([UInt8](repeating: 1, count: 2 << 20)))
        }
        try port.postMessage(Self.much)
        port.close()
        // Much more than the kernel holds, before a byte is read.
        for _ in 0..<4 { try await peer.send(Wire.bytes(Self.much)) }
        #expect(try await peer.receiveToEnd() == Wire.bytes(Self.much) + Wire.close(taken: 0))
    }

    @Test("A port closes when its last reference goes, and what was posted is delivered")
    func lastReferenceCloses() async throws {
        let (near, far) = try StreamSocket.pair()
        let peer = RawPeer(far)
        do {
            let port = MessagePort(adopting: near, on: try .shared)
            try port.postMessage("last words")
            try port.postMessage(Self.much)
        }
        let expected = Wire.text("last words") + Wire.bytes(Self.much) + Wire.close(taken: 0)
        #expect(try await peer.receiveToEnd() == expected)
    }

    @Test("A peer's close tells the poster how many messages were not taken")
    func closeCountsUndeliveredMessages() async throws {
        let channel = try MessageChannel()
        for number in 0..<10 { try channel.port1.postMessage("\(number)") }
        for _ in 0..<4 { #expect(try await channel.port2.take() != nil) }
        #expect(channel.port1.undeliveredCount == 0)
        channel.port2.close()
        #expect(try await channel.port1.waitUntilClosed().code == .closed)
        #expect(channel.port1.undeliveredCount == 6)
        #expect(channel.port2.undeliveredCount == 0)
    }
}

extension EventLoop {
    /// Returns when the loop's clock has gone on by so much.
    func pass(_ time: Duration) async {
        await withCheckedContinuation { continuation in
            reactor.schedule(after: time) { continuation.resume() }
        }
    }
}
