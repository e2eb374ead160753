import ConnectToPorts
import ConnectToTestSupport
import ConnectToTesting
import Testing

/// The protocol's section 8, over a real socket.
@Suite("A peer that goes away", .chosenExecutor, .timeLimit(.minutes(1)))
struct EndOfFileTests {
    @Test("A peer that goes without a close has exited, and what it sent before is delivered first")
    func peerExitsAfterMessages() async throws {
        let (port, peer) = try RawPeer.withPort()
        try await peer.send(Wire.text("one") + Wire.text("two"))
        peer.die()
        let (texts, error) = await port.takeAll()
        #expect(texts == ["one", "two"])
        #expect(error?.reason?.code == .peerExited)
        #expect(port.closeReason?.code == .peerExited)
        await #expect(throws: PortError.self) { try await port.take() }
    }

    @Test(
        "A peer that goes in the middle of a frame has exited, and the part of the frame is dropped",
        arguments: [
            Wire.text("x").dropLast(2), Wire.text("Hello").dropLast(1), Wire.frame(1, length: 1 << 20)[...],
            Wire.close(taken: 0).dropLast(1),
        ])
    func peerExitsInsideFrame(half: ArraySlice<UInt8>) async throws {
        let (port, peer) = try RawPeer.withPort()
        try await peer.send(Wire.text("whole") + half)
        peer.die()
        let (texts, error) = await port.takeAll()
        #expect(texts == ["whole"])
        #expect(error?.reason?.code == .peerExited)
    }

    @Test("A peer that goes with input unread (a reset, to the kernel) has exited all the same")
    func peerExitsWithUnreadInput() async throws {
        let (port, peer) = try RawPeer.withPort()
        try port.postMessage("unread")
        try await peer.send(Wire.text("mine"))
        peer.die()
        let (texts, error) = await port.takeAll()
        #expect(texts == ["mine"])
        #expect(error?.reason?.code == .peerExited)
    }

    @Test("A peer that goes after its close frame has closed")
    func peerGoesAfterClose() async throws {
        let (port, peer) = try RawPeer.withPort()
        for number in 0..<5 { try port.postMessage("\(number)") }
        try await peer.send(Wire.text("bye") + Wire.close(taken: 3))
        peer.die()
        let (texts, error) = await port.takeAll()
        #expect(texts == ["bye"])
        #expect(error == nil)
        #expect(try await port.waitUntilClosed().code == .closed)
        #expect(port.undeliveredCount == 2)
        #expect(try await port.take() == nil)
    }

    @Test("A peer that goes after both have finished and it has sent close has closed, and its messages can be taken")
    func peerGoesAfterBothFinished() async throws {
        let (port, peer) = try RawPeer.withPort()
        port.finish()
        #expect(try await peer.receive(8) == Wire.finish)
        try await peer.send(Wire.text("not taken") + Wire.finish + Wire.close(taken: 0))
        port.start()
        peer.die()
        #expect(try await port.waitUntilClosed().code == .closed)
        #expect(try await port.take()?.text == "not taken")
        #expect(try await port.take() == nil)
    }

    @Test("A peer that goes when only one side had finished has exited", arguments: [true, false])
    func peerGoesAfterOneFinished(ours: Bool) async throws {
        let (port, peer) = try RawPeer.withPort()
        port.start()
        if ours { port.finish() } else { try await peer.send(Wire.finish) }
        peer.die()
        #expect(try await port.waitUntilClosed().code == .peerExited)
    }

    @Test("A peer that goes before our finish could be sent has exited")
    func peerGoesBeforeFinishIsSent() async throws {
        let (port, peer) = try RawPeer.withPort()
        try port.postMessage([UInt8](repeating: 0, count: 4 << 20))
        port.finish()
        #expect(port.bufferedAmount > 0)
        try await peer.send(Wire.text("not taken") + Wire.finish)
        port.start()
        peer.die()
        #expect(try await port.waitUntilClosed().code == .peerExited)
    }

    @Test("When writing to a peer fails, its input is read to the end, where its close may be")
    func brokenPipeReadsPeersLastWords() async throws {
        let (port, peer) = try RawPeer.withPort()
        try await peer.send(Wire.text("last") + Wire.close(taken: 0))
        peer.shutDown()
        // Not started, so that this finds the pipe broken before anything is read.
        try port.postMessage("into the void")
        #expect(port.bufferedAmount == 0)
        let (texts, error) = await port.takeAll()
        #expect(texts == ["last"])
        #expect(error == nil)
        #expect(try await port.waitUntilClosed().code == .closed)
    }

    @Test("A peer that goes while much waits to be written ends the port, and the close that it left counts")
    func brokenPipeWhileOutputWaits() async throws {
        let (port, peer) = try RawPeer.withPort()
        try port.postMessage("first")
        try port.postMessage([UInt8](repeating: 0, count: 4 << 20))
        #expect(port.bufferedAmount > 0)
        try await peer.send(Wire.close(taken: 1))
        peer.shutDown()
        #expect(try await port.waitUntilClosed().code == .closed)
        #expect(port.undeliveredCount == 1)
        #expect(port.bufferedAmount == 0)
    }

    @Test("A port that was not started notices that its peer goes, and keeps what the peer sent")
    func unstartedPortNoticesEnd() async throws {
        let (port, peer) = try RawPeer.withPort()
        try await peer.send(Wire.text("early"))
        peer.die()
        #expect(try await port.waitUntilClosed().code == .peerExited)
        let (texts, error) = await port.takeAll()
        #expect(texts == ["early"])
        #expect(error?.reason?.code == .peerExited)
    }

    @Test("A port whose program takes nothing notices that its peer goes, though the input is full")
    func fullPortNoticesEnd() async throws {
        var limits = PortLimits()
        limits.queuedInput = 1_000
        let (port, peer) = try RawPeer.withPort(limits: limits)
        port.start()
        var sent = 0
        while try peer.sendWithoutWaiting(Wire.bytes([UInt8](repeating: 1, count: 992))) == 1_000 {
            sent += 1
        }
        #expect(sent > 10)
        peer.die()
        #expect(try await port.waitUntilClosed().code == .peerExited)
        let (texts, _) = await port.takeAll()
        #expect(texts.count == sent)
    }
}
