import Testing

@testable import ConnectToPorts

/// The protocol's table of states, cell by cell.
@Suite("A port's life")
struct PortLifeTests {
    // MARK: What the program does

    @Test(
        "accepts a message while it is open here, and none after finish or when it is over",
        arguments: [
            (LifeState.open, PortLife.PostVerdict.accept), (.finished, .drop), (.peerFinished, .accept),
            (.bothFinished, .drop), (.confirmed, .drop), (.closing, .drop), (.ended, .drop),
        ])
    func posts(state: LifeState, verdict: PortLife.PostVerdict) {
        var life = state.life()
        let before = life.posted
        #expect(life.post() == verdict)
        #expect(life.posted == before + (verdict == .accept ? 1 : 0))
    }

    @Test(
        "sends finish once, and nothing for a finish after that",
        arguments: [
            (LifeState.open, true), (.finished, false), (.peerFinished, true), (.bothFinished, false),
            (.confirmed, false), (.closing, false), (.ended, false),
        ])
    func finishes(state: LifeState, sends: Bool) {
        var life = state.life()
        #expect(life.finish() == (sends ? .sendFinish : []))
        #expect(life.finish() == [])
    }

    @Test(
        "sends close once from any state, and drops what was not taken",
        arguments: [LifeState.open, .finished, .peerFinished, .bothFinished])
    func closes(state: LifeState) {
        var life = state.life()
        #expect(life.close() == [.sendClose, .dropInput, .announceEnd])
        #expect(life.reason?.code == .closed)
        #expect(life.isLingering && !life.isOver)
        #expect(life.close() == [])
        #expect(life.didFlush() == .hangUp)
        #expect(life.isOver && !life.isLingering)
        #expect(life.close() == [])
    }

    @Test(
        "a close when it is over keeps the reason, and drops what nobody will take",
        arguments: [LifeState.closing, .ended])
    func closesLate(state: LifeState) {
        let effects: PortLife.Effects = state == .ended ? [.dropInput, .announceEnd] : []
        var life = state.life()
        let reason = life.reason
        #expect(life.close() == effects)
        #expect(life.close() == [])
        #expect(life.reason == reason)
    }

    // MARK: What the peer does

    @Test("delivers messages until the peer has finished", arguments: [LifeState.open, .finished])
    func receives(state: LifeState) throws {
        var life = state.life()
        let before = life.received
        #expect(try life.didReceiveMessages(1) == [])
        #expect(life.received == before + 1)
    }

    @Test("ends at a message or a finish after finish", arguments: [LifeState.peerFinished, .bothFinished, .confirmed])
    func receivesAfterFinish(state: LifeState) {
        var life = state.life()
        #expect(throws: ProtocolViolation.self) { try life.didReceiveMessages(1) }
        #expect(throws: ProtocolViolation.self) { try life.didReceiveFinish() }
    }

    @Test("tells consumers of the peer's finish, and lives on", arguments: [LifeState.open, .finished])
    func peerFinishes(state: LifeState) throws {
        var life = state.life()
        #expect(!life.inputHasEnded)
        #expect(try life.didReceiveFinish() == .announceEnd)
        #expect(life.inputHasEnded)
        #expect(life.reason == nil)
    }

    @Test("is closed by the peer's close", arguments: [LifeState.open, .finished, .peerFinished, .confirmed])
    func peerCloses(state: LifeState) throws {
        var life = state.life()
        #expect(try life.didReceiveClose(taken: 0) == [.dropOutput, .announceEnd, .hangUp])
        #expect(life.reason?.code == .closed)
        #expect(life.isOver)
        #expect(life.undelivered == life.posted)
    }

    @Test("where both have finished and something is left to take, answers the peer's close when all is, or at the end")
    func answersClose() throws {
        var life = LifeState.bothFinished.life()
        #expect(try life.didReceiveClose(taken: 0) == .announceEnd)
        #expect(life.reason?.code == .closed)
        #expect(life.undelivered == life.posted)
        #expect(life.dropsWhatComes && !life.isOver)
        #expect(life.didFlush() == [])
        #expect(life.didTake(1) == .sendClose)
        #expect(life.isLingering)
        // Not a second time.
        #expect(life.close() == [.dropInput, .announceEnd])
        #expect(life.didFlush() == .hangUp)

        var dropped = LifeState.bothFinished.life()
        _ = try dropped.didReceiveClose(taken: 0)
        #expect(dropped.close() == [.sendClose, .dropInput, .announceEnd])

        var left = LifeState.bothFinished.life()
        _ = try left.didReceiveClose(taken: 0)
        #expect(left.didReachEnd() == [.dropOutput, .hangUp])
        #expect(left.reason?.code == .closed)
    }

    @Test("that has said all and waits for the peer's close says no more when it is closed", arguments: [true, false])
    func closesWhileAwaitingClose(isFlushed: Bool) {
        var life = LifeState.bothFinished.life()
        #expect(life.didTake(1) == .sendClose)
        #expect(life.transferRefusal?.code == .detached)
        if isFlushed { #expect(life.didFlush() == []) }
        #expect(life.close() == (isFlushed ? [.announceEnd, .hangUp] : [.announceEnd, .linger]))
        #expect(life.isLingering != isFlushed)
        if !isFlushed { #expect(life.didFlush() == .hangUp) }
        #expect(life.isOver)
    }

    @Test("that has its own close still to send when the peer's comes sends it before it ends")
    func closesCross() throws {
        var life = LifeState.bothFinished.life()
        #expect(life.didTake(1) == .sendClose)
        #expect(try life.didReceiveClose(taken: 0) == [.announceEnd, .linger])
        #expect(life.reason?.code == .closed && life.undelivered == 1)
        #expect(life.isLingering)
        #expect(life.didFlush() == .hangUp)
    }

    @Test("learns from the peer's close what was not taken, and takes no count that is too high")
    func counts() throws {
        for taken in 0...5 as ClosedRange<UInt64> {
            var life = PortLife(isOpen: true)
            for _ in 0..<4 { _ = life.post() }
            if taken <= 4 {
                _ = try life.didReceiveClose(taken: taken)
                #expect(life.undelivered == 4 - taken)
            } else {
                #expect(throws: ProtocolViolation.self) { try life.didReceiveClose(taken: taken) }
                #expect(life.reason == nil && life.undelivered == 0)
            }
        }
    }

    @Test(
        "that meets the end of the stream without a close has lost its peer", arguments: LifeState.alive)
    func endOfStream(state: LifeState) {
        var life = state.life()
        #expect(life.didReachEnd() == [.dropOutput, .announceEnd, .hangUp])
        #expect(life.reason?.code == .peerExited)
        #expect(life.isOver)
        #expect(life.didReachEnd() == [])
    }

    @Test("hands nothing more over when the peer goes while it closes")
    func endOfStreamWhileClosing() {
        var life = LifeState.closing.life()
        #expect(life.didReachEnd() == [.dropOutput, .hangUp])
        #expect(life.reason == .closedHere)
    }

    @Test("latches its first reason")
    func latches() throws {
        var life = PortLife(isOpen: true)
        _ = life.fail(.peerExited)
        #expect(life.fail(CloseReason(.busLost, detail: "later")) == [])
        #expect(life.close() == [.dropInput, .announceEnd])
        #expect(life.didReachEnd() == [])
        #expect(life.reason == .peerExited)
    }
}

/// The rows of the table, as lives that have got there.
enum LifeState: CaseIterable, Sendable {
    case open, finished, peerFinished, bothFinished, confirmed, closing, ended

    static let alive = [LifeState.open, .finished, .peerFinished, .bothFinished, .confirmed]

    /// With one message posted where that is possible, and one received that nobody has taken.
    func life() -> PortLife {
        var life = PortLife(isOpen: true)
        do {
            _ = life.post()
            _ = life.didFlush()
            _ = try life.didReceiveMessages(1)
            switch self {
            case .open: break
            case .finished:
                _ = life.finish()
            case .peerFinished:
                _ = try life.didReceiveFinish()
            case .bothFinished:
                _ = life.finish()
                _ = try life.didReceiveFinish()
            case .confirmed:
                _ = life.finish()
                _ = try life.didReceiveFinish()
                _ = life.didTake(1)
            case .closing:
                _ = life.close()
                return life
            case .ended:
                _ = life.fail(.peerExited)
            }
        } catch {
            Issue.record(error)
        }
        // All that was queued is with the kernel.
        _ = life.didFlush()
        return life
    }
}
