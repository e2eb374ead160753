import ConnectToPorts
import ConnectToTestSupport
import ConnectToTesting
import Testing

/// The protocol's section 8, over a real socket.
@Suite("A peer that goes away", .chosenExecutor, .timeLimit(.minutes(1)))
struct EndOfFileTests {
    @Test("without a word has exited; what it sent before is delivered first")
    func exited() async throws {
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
        "in the middle of a frame has exited, and the half is dropped",
        arguments: [
            Wire.text("x").dropLast(2), Wire.text("Hello").dropLast(1), Wire.frame(1, length: 1 << 20)[...],
            Wire.close(taken: 0).dropLast(1),
        ])
    func halfAFrame(half: ArraySlice<UInt8>) async throws {
        let (port, peer) = try RawPeer.withPort()
        try await peer.send(Wire.text("whole") + half)
        peer.die()
        let (texts, error) = await port.takeAll()
        #expect(texts == ["whole"])
        #expect(error?.reason?.code == .peerExited)
    }

    @Test("with what was sent to it unread (a reset, to the kernel) has exited all the same")
    func reset() async throws {
        let (port, peer) = try RawPeer.withPort()
        try port.postMessage("unread")
        try await peer.send(Wire.text("mine"))
        peer.die()
        let (texts, error) = await port.takeAll()
        #expect(texts == ["mine"])
        #expect(error?.reason?.code == .peerExited)
    }

    @Test("after its close has closed")
    func closed() async throws {
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

    @Test("after both have finished and the peer has said close has closed, and what it sent can still be taken")
    func bothFinished() async throws {
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

    @Test("when only one side had finished has exited", arguments: [true, false])
    func oneFinished(ours: Bool) async throws {
        let (port, peer) = try RawPeer.withPort()
        port.start()
        if ours { port.finish() } else { try await peer.send(Wire.finish) }
        peer.die()
        #expect(try await port.waitUntilClosed().code == .peerExited)
    }

    @Test("while our finish still waits behind what it does not read has exited")
    func finishNotSent() async throws {
        let (port, peer) = try RawPeer.withPort()
        try port.postMessage([UInt8](repeating: 0, count: 4 << 20))
        port.finish()
        #expect(port.bufferedAmount > 0)
        try await peer.send(Wire.text("not taken") + Wire.finish)
        port.start()
        peer.die()
        #expect(try await port.waitUntilClosed().code == .peerExited)
    }

    @Test("is read to its end when writing to it fails: a close may be in what it left")
    func brokenPipe() async throws {
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

    @Test("while much waits to be written ends the port, and the close it left counts")
    func brokenPipeWhileBlocked() async throws {
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

    @Test("is noticed by a port that was not started, and what it sent waits")
    func notStarted() async throws {
        let (port, peer) = try RawPeer.withPort()
        try await peer.send(Wire.text("early"))
        peer.die()
        #expect(try await port.waitUntilClosed().code == .peerExited)
        let (texts, error) = await port.takeAll()
        #expect(texts == ["early"])
        #expect(error?.reason?.code == .peerExited)
    }

    @Test("is noticed although the program takes nothing of the much it sent")
    func inputFull() async throws {
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
