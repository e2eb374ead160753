/// The life of a port as a state machine: takes what happened, says what is to be done; does no I/O.
///
/// Each direction goes from open to finished to closed and never back. The reason latches once; after that
/// the port may still hand over what was posted before (it lingers), until it is over.
struct PortLife {
    enum Direction: Equatable { case open, finished, closed }

    /// What the caller has to do, in this order.
    struct Effects: OptionSet {
        let rawValue: UInt8

        /// Tell who waits that the port is open.
        static let announceOpen = Effects(rawValue: 1)
        /// Queue a finish frame.
        static let sendFinish = Effects(rawValue: 2)
        /// Queue a close frame with ``PortLife/taken``.
        static let sendClose = Effects(rawValue: 4)
        /// Forget what has been received and not taken.
        static let dropInput = Effects(rawValue: 8)
        /// Forget what is queued.
        static let dropOutput = Effects(rawValue: 16)
        /// Tell who waits that the messages have an end, or the port has.
        static let announceEnd = Effects(rawValue: 32)
        /// Shut the socket down in both directions and let it go.
        static let hangUp = Effects(rawValue: 64)
        /// Give the peer a while to take what is queued.
        static let linger = Effects(rawValue: 128)
    }

    enum PostVerdict: Equatable { case accept, drop }

    private(set) var isOpen: Bool
    private(set) var outbound = Direction.open
    private(set) var inbound = Direction.open
    /// Why the port is over; latched.
    private(set) var reason: CloseReason?
    private var isClosedHere = false
    /// The socket is of no more use.
    private(set) var isOver = false
    /// The peer had finished, and then closed: it was done, and had no use for what it had not taken.
    private(set) var peerWasDone = false
    /// The finish frame is with the kernel. Until then the peer cannot know of it.
    private var finishIsSent = false
    /// Both have finished, and the peer has been told in a close frame that all was taken here. Its own close, with
    /// what was taken there, is still to come.
    private(set) var awaitsClose = false
    /// That close frame is with the kernel.
    private var closeIsSent = false
    /// Both have finished, and the peer has said what it has taken. It waits to hear the same, which is said once, when
    /// all is taken here, or nobody will.
    private(set) var owesClose = false

    /// Others may have posted on this side before, it is not known how much: the peer may have taken more than was
    /// posted here.
    var mayHaveFormerHolders = false
    private(set) var posted: UInt64 = 0
    private(set) var received: UInt64 = 0
    private(set) var taken: UInt64 = 0
    /// Whether the peer has said that it posts no more, whatever came behind that.
    private(set) var hasReceivedFinish = false
    /// Of what was posted, what the peer said in its close that it has not taken.
    private(set) var undelivered: UInt64 = 0
    /// Messages that came when the port was over, and went nowhere.
    private(set) var refused: UInt64 = 0
    /// Something that was posted is certain not to reach the peer's process.
    private(set) var hasLostMessages = false
    /// What ended the line in the end. Where the program had closed the port before, that is its reason, and this is
    /// what became of the messages that it was still to hand over.
    private(set) var failure: CloseReason?

    init(isOpen: Bool) {
        self.isOpen = isOpen
    }

    /// No more messages will be received.
    var inputHasEnded: Bool { inbound != .open || reason != nil }
    /// Why the port is over, where it was not the program on this side that ended it.
    var foreignReason: CloseReason? {
        isClosedHere || reason == .transferred || reason == .socketDetached ? nil : reason
    }
    /// Closed here, and still handing over what was posted before.
    var isLingering: Bool { outbound == .closed && !isOver }
    /// What comes is read for its end alone.
    var dropsWhatComes: Bool { isLingering || inbound == .closed }

    /// Whether what is posted goes anywhere.
    var takesPosts: Bool { outbound == .open && reason == nil }

    // MARK: What this side does

    mutating func didOpen() -> Effects {
        if isOpen || isOver { return [] }
        isOpen = true
        return .announceOpen
    }

    mutating func post(_ count: Int = 1) -> PostVerdict {
        if !takesPosts {
            refused &+= UInt64(count)
            return .drop
        }
        didPost(count)
        return .accept
    }

    /// Where it is known that it takes posts.
    mutating func didPost(_ count: Int) {
        posted &+= UInt64(count)
    }

    mutating func finish() -> Effects {
        guard reason == nil, outbound == .open else { return [] }
        outbound = .finished
        return Effects.sendFinish.union(closeIfBothFinished())
    }

    mutating func close() -> Effects {
        if isClosedHere { return [] }
        isClosedHere = true
        let hasAnswered = outbound == .closed
        outbound = .closed
        // The peer was first, and its reason stays. What it had sent is of no more interest, though.
        if reason != nil, !owesClose || hasAnswered { return [.dropInput, .announceEnd] }
        reason = reason ?? .closedHere
        if !awaitsClose { return [.sendClose, .dropInput, .announceEnd] }
        let end: Effects = closeIsSent ? endLingering() : .linger
        return end.union(.announceEnd)
    }

    /// The program took messages out of the queue.
    mutating func didTake(_ count: Int) -> Effects {
        taken &+= UInt64(count)
        return closeIfBothFinished()
    }

    /// All that was queued has been handed to the kernel. A port that is not open yet stays until it is, so
    /// that whoever waits for the end of a hand-over waits for the introduction too.
    mutating func didFlush() -> Effects {
        if outbound == .finished { finishIsSent = true }
        if awaitsClose { closeIsSent = true }
        return endLingering()
    }

    /// What was queued will never be taken: the peer reads no more.
    mutating func didLoseOutput() -> Effects {
        endLingering()
    }

    /// Ends at once, for a reason from outside the line: the introduction failed, the peer broke a rule.
    mutating func fail(_ reason: CloseReason) -> Effects {
        guard !isOver else { return [] }
        isOver = true
        failure = reason
        // The kernel may have all of it, but no process has taken the other end.
        if !isOpen, posted > 0 { hasLostMessages = true }
        let isNews = self.reason == nil
        self.reason = self.reason ?? reason
        return isNews ? [.dropOutput, .announceEnd, .hangUp] : [.dropOutput, .hangUp]
    }

    /// Messages that were posted and have not been written will not be.
    mutating func didLoseMessages() {
        hasLostMessages = true
    }

    /// Why not all that was posted has reached the peer's process, or nil where nothing says so. What a peer has not
    /// taken that had finished before it closed is no loss.
    var loss: PortError? {
        guard !peerWasDone, let what = lossInWords else { return nil }
        return .undelivered(what, failure ?? reason)
    }

    private var lossInWords: String? {
        if undelivered > 0 { return "the peer has not taken \(undelivered) of the \(posted) messages that were posted" }
        if hasLostMessages {
            return isOpen ? "what was posted last has not reached the peer" : "what was posted has not been delivered"
        }
        if refused == 0 { return nil }
        let posted = refused == 1 ? "1 message was posted" : "\(refused) messages were posted"
        return "\(posted) when the port was over, and went nowhere"
    }

    // MARK: Transfer

    /// Why it cannot be transferred, or nil.
    ///
    /// A port whose peer has gone can: what has not been taken goes with it. One that was closed on this side,
    /// or has been transferred, cannot.
    var transferRefusal: PortError? {
        if !isOpen, reason == nil { return .notOpen }
        // All has been said, by both.
        if awaitsClose { return .detached("the port") }
        guard let reason else { return nil }
        let peerHasEnded = reason.code == .peerExited || reason.code == .closed
        return isOpen && peerHasEnded && outbound != .closed ? nil : .detached("the port")
    }

    /// The line belongs to another port now.
    mutating func didTransfer() -> Effects {
        isOver = true
        outbound = .closed
        reason = .transferred
        return [.dropInput, .dropOutput, .announceEnd]
    }

    /// Why its socket cannot be detached, or nil.
    var detachingRefusal: PortError? {
        if !isOpen, reason == nil { return .notOpen }
        if outbound == .closed || awaitsClose { return .detached("the port") }
        return reason.map(PortError.closed)
    }

    /// The socket belongs to somebody else now.
    mutating func didDetachSocket() -> Effects {
        isOver = true
        outbound = .closed
        reason = .socketDetached
        return .announceEnd
    }

    /// Goes on where another port left off.
    mutating func resume(_ cargo: PortCargo) {
        posted = cargo.posted
        taken = cargo.taken
        // What it has not taken is received again.
        received = cargo.taken
        if cargo.hasFinished { outbound = .finished }
        finishIsSent = cargo.hasFinished && cargo.output.isEmpty
    }

    // MARK: What the other side does

    mutating func didReceiveMessages(_ count: Int) throws(ProtocolViolation) -> Effects {
        try expectNotEnded("a message")
        received &+= UInt64(count)
        return didOpen()
    }

    mutating func didReceiveFinish() throws(ProtocolViolation) -> Effects {
        try expectNotEnded("a second finish")
        inbound = .finished
        hasReceivedFinish = true
        return didOpen().union(.announceEnd).union(closeIfBothFinished())
    }

    /// - Parameter count: how many of our messages the peer's program has taken.
    mutating func didReceiveClose(taken count: UInt64) throws(ProtocolViolation) -> Effects {
        guard count <= posted || mayHaveFormerHolders else {
            throw ProtocolViolation("a close that counts \(count) messages of the \(posted) that were posted")
        }
        let effects = didOpen()
        peerWasDone = inbound == .finished
        let bothHaveFinished = inbound == .finished && outbound == .finished && finishIsSent
        inbound = .closed
        undelivered = posted > count ? posted - count : 0
        if awaitsClose {
            outbound = .closed
            if closeIsSent { return effects.union(fail(.bothFinished)) }
            // The peer waits for ours, which is still to be written.
            reason = .bothFinished
            return effects.union([.announceEnd, .linger])
        }
        if !bothHaveFinished { return effects.union(fail(.closedByPeer)) }
        owesClose = true
        reason = .bothFinished
        return effects.union(.announceEnd)
    }

    /// The stream has ended: the peer has shut it down, closed it or died.
    ///
    /// Before the port is open that says nothing: a listener that refuses ends the line first, and the answer
    /// to the introduction tells which it was.
    /// - Parameter unread: whether the peer has left unread what it was sent.
    mutating func didReachEnd(unread: Bool = false) -> Effects {
        guard isOpen else { return [] }
        if unread, inbound != .closed, posted > 0 { hasLostMessages = true }
        return fail(.peerExited)
    }

    // MARK: Rules

    private func expectNotEnded(_ what: String) throws(ProtocolViolation) {
        if inbound != .open { throw ProtocolViolation("\(what) after the peer had finished") }
    }

    private mutating func endLingering() -> Effects {
        guard isLingering, isOpen else { return [] }
        isOver = true
        return .hangUp
    }

    private mutating func closeIfBothFinished() -> Effects {
        guard !isOver, inbound != .open, outbound == .finished, received == taken, !awaitsClose else { return [] }
        if owesClose {
            outbound = .closed
        } else {
            awaitsClose = true
        }
        return .sendClose
    }
}
