import Testing

@testable import ConnectToPorts

/// What depends on the order of events, legal or not.
@Suite("A port's life, in other orders")
struct PortLifeOrderTests {
    @Test("A port's life sends close when both have finished and all is taken, in any order, and awaits the peer's")
    func closeAfterBothFinishedInAnyOrder() throws {
        var lastTaken = LifeState.bothFinished.life()
        #expect(lastTaken.didTake(1) == .sendClose)
        try expectToAwaitClose(&lastTaken)

        var lastFinish = LifeState.peerFinished.life()
        #expect(lastFinish.didTake(1) == [])
        #expect(lastFinish.finish() == [.sendFinish, .sendClose])
        try expectToAwaitClose(&lastFinish)

        var lastPeer = LifeState.finished.life()
        #expect(lastPeer.didTake(1) == [])
        #expect(try lastPeer.didReceiveFinish() == [.announceEnd, .sendClose])
        try expectToAwaitClose(&lastPeer)
    }

    private func expectToAwaitClose(_ life: inout PortLife) throws {
        #expect(life.reason == nil)
        #expect(life.didFlush() == [])
        #expect(try life.didReceiveClose(taken: 1) == [.dropOutput, .announceEnd, .hangUp])
        #expect(life.reason?.code == .closed)
        #expect(life.undelivered == 0)
    }

    @Test("A port's life takes a close that comes before its own finish is sent for the peer's end")
    func peersCloseBeforeOwnFinishIsSent() throws {
        var life = PortLife(isOpen: true)
        _ = life.finish()
        _ = try life.didReceiveMessages(1)
        _ = try life.didReceiveFinish()
        #expect(try life.didReceiveClose(taken: 0).contains(.hangUp))
        #expect(life.reason?.code == .closed)
    }

    @Test("A port's life opens once, by the answer or by the first bytes from the peer")
    func opensOnce() throws {
        var byAnswer = PortLife(isOpen: false)
        #expect(byAnswer.didOpen() == .announceOpen)
        #expect(byAnswer.didOpen() == [])
        var byMessage = PortLife(isOpen: false)
        #expect(try byMessage.didReceiveMessages(1) == .announceOpen)
        #expect(byMessage.didOpen() == [])
        var byFinish = PortLife(isOpen: false)
        #expect(try byFinish.didReceiveFinish() == [.announceOpen, .announceEnd])
        var byClose = PortLife(isOpen: false)
        #expect(try byClose.didReceiveClose(taken: 0).contains([.announceOpen, .hangUp]))
    }

    @Test("A port's life does not take an end of the stream for an answer before it is open")
    func endOfStreamBeforeOpening() {
        var life = PortLife(isOpen: false)
        #expect(life.didReachEnd() == [])
        #expect(life.reason == nil)
        _ = life.didOpen()
        #expect(life.didReachEnd().contains(.hangUp))
        #expect(life.reason?.code == .peerExited)
    }

    @Test("A port's life that is closed before it is open hands over once it is")
    func closedBeforeOpeningHandsOver() {
        var life = PortLife(isOpen: false)
        #expect(life.post() == .accept)
        #expect(life.close().contains(.sendClose))
        #expect(life.didFlush() == [])
        #expect(life.isLingering)
        #expect(life.didOpen() == .announceOpen)
        #expect(life.didFlush() == .hangUp)
    }

    @Test("A port's life that fails before it is open never opens")
    func failedBeforeOpeningNeverOpens() {
        var life = PortLife(isOpen: false)
        let reason = CloseReason(.refused, detail: "no")
        #expect(life.fail(reason) == [.dropOutput, .announceEnd, .hangUp])
        #expect(life.didOpen() == [])
        #expect(!life.isOpen)
        #expect(life.reason == reason)
    }

    @Test("A port's life that fails while it closes keeps its reason and gives up")
    func failureWhileClosingKeepsReason() {
        var life = LifeState.closing.life()
        #expect(life.fail(.peerExited) == [.dropOutput, .hangUp])
        #expect(life.reason == .closedHere)
    }

    @Test("A port's life on which nothing was posted or received has nothing to flush", arguments: LifeState.alive)
    func flushWithoutTrafficIsDone(state: LifeState) {
        var life = state.life()
        #expect(life.didFlush() == [])
        #expect(life.reason == nil)
    }

    @Test("A port's life lets messages be taken after it is over")
    func takingGoesOnAfterEnd() {
        var life = LifeState.ended.life()
        #expect(life.didTake(1) == [])
        #expect(life.taken == 1)
    }
}
