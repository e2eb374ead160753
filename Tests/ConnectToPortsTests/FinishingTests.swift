import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectToPorts

@Suite("Finishing a port", .chosenExecutor, .timeLimit(.minutes(1)))
struct FinishingTests {
    @Test("Finishing a port ends the peer's sequence after what was posted, and leaves the other direction open")
    func finishEndsPeersSequence() async throws {
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

    @Test("Finishing on both sides closes both ports when everything is taken")
    func bothFinishesCloseBoth() async throws {
        let channel = try MessageChannel()
        try channel.port1.postMessage("to 2")
        try channel.port2.postMessage("to 1")
        channel.port1.finish()
        channel.port2.finish()
        #expect(try await channel.port2.take()?.text == "to 2")
        #expect(try await channel.port1.take()?.text == "to 1")
        #expect(try await channel.port1.waitUntilClosed().code == .closed)
        #expect(try await channel.port2.waitUntilClosed().code == .closed)
        #expect(channel.port1.undeliveredCount == 0 && channel.port2.undeliveredCount == 0)
    }

    @Test("Finishing on both sides sends finish once, then close with the count when the last message is taken")
    func finishThenCloseOnTheWire() async throws {
        let (port, peer) = try RawPeer.withPort()
        try port.postMessage("Hello")
        port.finish()
        port.finish()
        try await peer.send(Wire.text("1") + Wire.text("2") + Wire.finish)
        #expect(try await port.take()?.text == "1")
        #expect(port.closeReason == nil)
        #expect(try await port.take()?.text == "2")
        let said = Wire.text("Hello") + Wire.finish + Wire.close(taken: 2)
        #expect(try await peer.receive(said.count) == said)
        // What the peer has taken it has yet to say.
        #expect(port.closeReason == nil)
        #expect(#expect(throws: PortError.self) { try port.detachSocket() }?.code == .detached)
        try await peer.send(Wire.close(taken: 1))
        #expect(try await port.waitUntilClosed().code == .closed)
        #expect(port.undeliveredCount == 0)
        #expect(try await peer.receiveToEnd() == [])
        #expect(try await port.take() == nil)
    }

    @Test("Closing after finish says that this side was done, and closing alone does not", arguments: [false, true])
    func closeAfterFinishSaysDone(_ finishes: Bool) async throws {
        let channel = try MessageChannel()
        try channel.port2.postMessage("not wanted")
        if finishes { channel.port1.finish() }
        channel.port1.close()
        #expect(try await channel.port2.waitUntilClosed().code == .closed)
        #expect(channel.port2.peerWasDone == finishes)
        #expect(channel.port2.undeliveredCount == 1)
        #expect(!channel.port1.peerWasDone)
    }

    @Test("That the peer was done is known on a transferred port, too")
    func doneIsKnownAfterTransfer() async throws {
        let (port, peer) = try RawPeer.withPort()
        try port.postMessage("not wanted")
        try await peer.send(Wire.finish + Wire.close(taken: 0))
        port.start()
        #expect(try await port.waitUntilClosed().code == .closed)
        let channel = try MessageChannel()
        try channel.port1.postMessage(.text("", transfer: [.port(port)]))
        let moved = try #require(try await channel.port2.take()?.ports.first)
        moved.start()
        #expect(try await moved.waitUntilClosed().code == .closed)
        #expect(moved.peerWasDone && moved.undeliveredCount == 1)
    }

    @Test("After both sides have finished, the one that takes nothing says so when it closes")
    func finishedSideReportsUntakenMessages() async throws {
        let channel = try MessageChannel()
        try channel.port1.postMessage("1")
        try channel.port1.postMessage("2")
        channel.port1.finish()
        channel.port2.finish()
        let (texts, error) = await channel.port1.takeAll()
        #expect(texts == [] && error == nil)
        #expect(channel.port1.closeReason == nil)
        channel.port2.close()
        #expect(try await channel.port1.waitUntilClosed().code == .closed)
        #expect(channel.port1.undeliveredCount == 2)
    }

    @Test("After both sides have finished, a peer that goes without a close has exited", arguments: [true, false])
    func peerGoneAfterBothFinished(hasTakenAll: Bool) async throws {
        let (port, peer) = try RawPeer.withPort()
        try port.postMessage("Hello")
        port.finish()
        port.start()
        try await peer.send((hasTakenAll ? [] : Wire.text("1")) + Wire.finish)
        let said = Wire.text("Hello") + Wire.finish + (hasTakenAll ? Wire.close(taken: 0) : [])
        #expect(try await peer.receive(said.count) == said)
        peer.die()
        #expect(try await port.waitUntilClosed().code == .peerExited)
    }

    @Test("After both sides have finished, nothing behind the peer's close is read while our close is owed")
    func nothingIsReadBehindPeersClose() async throws {
        let (port, peer) = try RawPeer.withPort()
        port.finish()
        #expect(try await peer.receive(Wire.finish.count) == Wire.finish)
        try await peer.send(Wire.text("1") + Wire.text("2") + Wire.finish + Wire.close(taken: 0))
        #expect(try await port.waitUntilClosed().code == .closed)
        var flooded = 0
        while flooded < 16 << 20 {
            let count = try peer.sendWithoutWaiting(Wire.bytes([UInt8](repeating: 0, count: 32 << 10)))
            if count == 0 { break }
            flooded += count
            try await EventLoop.shared.catchUp()
        }
        #expect(flooded < 1 << 20)
        try port.postMessage("dropped")
        #expect(try await port.take()?.text == "1")
        port.close()
        let answer = Wire.close(taken: 1)
        #expect(try await peer.receive(answer.count) == answer)
    }

    @Test(
        "After both sides have finished, each port is over once both have taken all, however late",
        arguments: [true, false])
    func bothFinishedEndsHoweverLate(transferred: Bool) async throws {
        let channel = try MessageChannel()
        let (early, late) = (channel.port1, channel.port2)
        try early.postMessage("1")
        try early.postMessage("2")
        early.finish()
        late.finish()
        #expect(try await early.take() == nil)
        #expect(try await late.take()?.text == "1")
        var last = late
        if transferred {
            // With the peer's close behind it, which waits for an answer.
            let carrier = try MessageChannel()
            try carrier.port1.postMessage(.text("", transfer: [.port(late)]))
            last = try #require(await carrier.port2.take()?.ports.first)
        }
        // It knows what became of its own messages already: there were none.
        #expect(try await last.waitUntilClosed().code == .closed)
        #expect(early.closeReason == nil)
        #expect(try await last.take()?.text == "2")
        #expect(try await last.take() == nil)
        #expect(try await early.waitUntilClosed().code == .closed)
        #expect(early.undeliveredCount == 0)
    }

    @Test("After both sides have finished, a port that was never started closes, too")
    func unstartedPortEndsAfterBothFinished() async throws {
        let channel = try MessageChannel()
        try channel.port1.postMessage("1")
        channel.port1.finish()
        #expect(try await channel.port2.take()?.text == "1")
        channel.port2.finish()
        #expect(try await channel.port2.take() == nil)
        #expect(try await channel.port1.waitUntilClosed().code == .closed)
        #expect(try await channel.port2.waitUntilClosed().code == .closed)
    }

    @Test("A finish is sent after all that is queued")
    func finishWaitsBehindQueue() async throws {
        let (port, peer) = try RawPeer.withPort()
        let much = [UInt8](repeating: 5, count: 4 << 20)
        try port.postMessage(much)
        port.finish()
        #expect(try await peer.receive(much.count + 16) == Wire.bytes(much) + Wire.finish)
    }

    @Test("The peer's finish ends a consumer that waits")
    func finishEndsWaitingConsumer() async throws {
        let (port, peer) = try RawPeer.withPort()
        let consumer = Task { try await port.take() }
        await port.untilTaskWaits(for: .input)
        try await peer.send(Wire.finish)
        #expect(try await consumer.joined() == nil)
        #expect(port.closeReason == nil)
    }
}
