import Testing

@testable import ConnectToPorts

/// The protocol's table of states, cell by cell.
@Suite("A port's life")
struct PortLifeTests {
    // MARK: What the program does

    @Test(
        "A port's life accepts a message while it is open here, and none after finish or when it is over",
        arguments: [
            (LifeState.open, PortLife.PostVerdict.accept), (.finished, .drop), (.peerFinished, .accept),
            (.bothFinished, .drop), (.confirmed, .drop), (.closing, .drop), (.ended, .drop),
        ])
    func postsWhileOpen(state: LifeState, verdict: PortLife.PostVerdict) {
        var life = state.life()
        let before = life.posted
        #expect(life.post() == verdict)
        #expect(life.posted == before + (verdict == .accept ? 1 : 0))
    }

    @Test(
        "A port's life sends finish once, and nothing for a finish after that",
        arguments: [
            (LifeState.open, true), (.finished, false), (.peerFinished, true), (.bothFinished, false),
            (.confirmed, false), (.closing, false), (.ended, false),
        ])
    func finishIsSentOnce(state: LifeState, sends: Bool) {
        var life = state.life()
        #expect(life.finish() == (sends ? .sendFinish : []))
        #expect(life.finish() == [])
    }

    @Test(
        "A port's life sends close once from any state, and drops what was not taken",
        arguments: [LifeState.open, .finished, .peerFinished, .bothFinished])
    func closeIsSentOnce(state: LifeState) {
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
        "A port's life that is aborted sends nothing, drops everything and hangs up from any state",
        arguments: LifeState.alive)
    func abortSendsNothing(state: LifeState) {
        var life = state.life()
        #expect(life.abort() == [.dropInput, .dropOutput, .announceEnd, .hangUp])
        #expect(life.reason?.code == .closed)
        #expect(life.isOver && !life.isLingering)
        #expect(life.abort() == [])
        #expect(life.close() == [])
        #expect(life.fail(.peerExited) == [])
    }

    @Test("A port's life that is aborted while it closes gives up on what was still to be sent")
    func abortWhileClosingGivesUp() {
        var life = LifeState.closing.life()
        let reason = life.reason
        #expect(life.abort().isSuperset(of: [.dropOutput, .hangUp]))
        #expect(life.isOver)
        #expect(life.reason == reason)
    }

    @Test("A port's life that is aborted before it is open ends as cancelled, and what was posted is lost")
    func abortBeforeOpeningCancels() {
        var life = PortLife(isOpen: false)
        #expect(life.post() == .accept)
        #expect(life.abort().contains(.hangUp))
        #expect(life.reason?.code == .cancelled)
        #expect(life.loss?.code == .undelivered)
        #expect(life.didOpen() == [])
    }

    @Test(
        "A port's life that is closed when it is over keeps the reason, and drops what will not be taken",
        arguments: [LifeState.closing, .ended])
    func closeAfterEndKeepsReason(state: LifeState) {
        let effects: PortLife.Effects = state == .ended ? [.dropInput, .announceEnd] : []
        var life = state.life()
        let reason = life.reason
        #expect(life.close() == effects)
        #expect(life.close() == [])
        #expect(life.reason == reason)
    }

    // MARK: What the peer does

    @Test("A port's life delivers messages until the peer has finished", arguments: [LifeState.open, .finished])
    func receivesUntilPeersFinish(state: LifeState) throws {
        var life = state.life()
        let before = life.received
        #expect(try life.didReceiveMessages(1) == [])
        #expect(life.received == before + 1)
    }

    @Test(
        "A port's life ends at a message or a finish after finish",
        arguments: [LifeState.peerFinished, .bothFinished, .confirmed])
    func messageAfterFinishEnds(state: LifeState) {
        var life = state.life()
        #expect(throws: ProtocolViolation.self) { try life.didReceiveMessages(1) }
        #expect(throws: ProtocolViolation.self) { try life.didReceiveFinish() }
    }

    @Test("A port's life tells consumers of the peer's finish, and goes on", arguments: [LifeState.open, .finished])
    func peersFinishReachesConsumers(state: LifeState) throws {
        var life = state.life()
        #expect(!life.inputHasEnded)
        #expect(try life.didReceiveFinish() == .announceEnd)
        #expect(life.inputHasEnded)
        #expect(life.reason == nil)
    }

    @Test(
        "A port's life is ended by the peer's close", arguments: [LifeState.open, .finished, .peerFinished, .confirmed])
    func peersCloseEnds(state: LifeState) throws {
        var life = state.life()
        #expect(try life.didReceiveClose(taken: 0) == [.dropOutput, .announceEnd, .hangUp])
        #expect(life.reason?.code == .closed)
        #expect(life.isOver)
        #expect(life.undelivered == life.posted)
    }

    @Test("A port's life on which both have finished answers the peer's close when all is taken, or at the end")
    func peersCloseIsAnsweredOnceAllIsTaken() throws {
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

    @Test(
        "A port's life that awaits only the peer's close sends nothing more when it is closed",
        arguments: [true, false])
    func closingWhileAwaitingCloseSendsNothing(isFlushed: Bool) {
        var life = LifeState.bothFinished.life()
        #expect(life.didTake(1) == .sendClose)
        #expect(life.transferRefusal?.code == .detached)
        if isFlushed { #expect(life.didFlush() == []) }
        #expect(life.close() == (isFlushed ? [.announceEnd, .hangUp] : [.announceEnd, .linger]))
        #expect(life.isLingering != isFlushed)
        if !isFlushed { #expect(life.didFlush() == .hangUp) }
        #expect(life.isOver)
    }

    @Test("A port's life whose own close is still to be sent when the peer's comes sends it before it ends")
    func crossingClosesAreBothSent() throws {
        var life = LifeState.bothFinished.life()
        #expect(life.didTake(1) == .sendClose)
        #expect(try life.didReceiveClose(taken: 0) == [.announceEnd, .linger])
        #expect(life.reason?.code == .closed && life.undelivered == 1)
        #expect(life.isLingering)
        #expect(life.didFlush() == .hangUp)
    }

    @Test("A port's life learns from the peer's close what was not taken, and refuses a count that is too high")
    func peersCloseCountsUntakenMessages() throws {
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
        "A port's life that meets the end of the stream without a close has lost its peer", arguments: LifeState.alive)
    func endOfStreamWithoutCloseIsExit(state: LifeState) {
        var life = state.life()
        #expect(life.didReachEnd() == [.dropOutput, .announceEnd, .hangUp])
        #expect(life.reason?.code == .peerExited)
        #expect(life.isOver)
        #expect(life.didReachEnd() == [])
    }

    @Test("A port's life that closes hands nothing more over when the peer goes")
    func endOfStreamWhileClosingStopsHandOver() {
        var life = LifeState.closing.life()
        #expect(life.didReachEnd() == [.dropOutput, .hangUp])
        #expect(life.reason == .closedHere)
    }

    @Test("A port's life keeps its first reason")
    func firstReasonStays() throws {
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
