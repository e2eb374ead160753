/// The life of a port as a state machine: takes events, returns effects; does no I/O.
///
/// Each direction goes from open to finished to closed and never back. The reason is set once. After that the port may
/// still hand over what was posted before (it *lingers*), until it is over.
struct PortLife {
    enum Direction: Equatable { case open, finished, closed }

    /// What the caller has to do, in the order of the constants.
    struct Effects: OptionSet {
        let rawValue: UInt8

        /// Tell waiting tasks that the port is open.
        static let announceOpen = Effects(rawValue: 1)
        /// Discard messages that have been received and not taken. Before the close frame, whose count includes the
        /// messages that were taken without the lock.
        static let dropInput = Effects(rawValue: 2)
        /// Queue a finish frame.
        static let sendFinish = Effects(rawValue: 4)
        /// Queue a close frame with ``PortLife/taken``.
        static let sendClose = Effects(rawValue: 8)
        /// Discard the queued output.
        static let dropOutput = Effects(rawValue: 16)
        /// Tell waiting tasks and handlers that the peer's messages have ended, or that the port has.
        static let announceEnd = Effects(rawValue: 32)
        /// Shut the socket down in both directions and release it.
        static let hangUp = Effects(rawValue: 64)
        /// Give the peer a limited time to read what is queued.
        static let linger = Effects(rawValue: 128)
    }

    enum PostVerdict: Equatable { case accept, drop }

    private(set) var isOpen: Bool
    private(set) var outbound = Direction.open
    private(set) var inbound = Direction.open
    /// Why the port is over; set once.
    private(set) var reason: CloseReason?
    private var isClosedHere = false
    /// The socket is no longer used.
    private(set) var isOver = false
    /// The peer had finished before it closed: it was done, and had no use for what it had not taken.
    private(set) var peerWasDone = false
    /// The kernel has the finish frame. Until then the peer cannot have seen it.
    private var finishIsSent = false
    /// Both sides have finished, and this side has queued a close frame which says that its program has taken
    /// everything. The peer's close frame, which says how much the peer's program has taken, is still to come.
    private(set) var awaitsClose = false
    /// The kernel has that close frame.
    private var closeIsSent = false
    /// Both sides have finished, and the peer's close frame has come. The peer waits for the close frame of this side.
    /// It is sent once: when this side has taken everything, or when it closes and so will take no more.
    private(set) var owesClose = false

    /// Other programs may have posted on this side before, and how much is not known: the peer may have taken more
    /// messages than this port has posted.
    var mayHaveFormerHolders = false
    private(set) var posted: UInt64 = 0
    private(set) var received: UInt64 = 0
    private(set) var taken: UInt64 = 0
    /// Whether a finish frame has come, whatever came after it.
    private(set) var hasReceivedFinish = false
    /// How many posted messages the peer has not taken, as its close frame says.
    private(set) var undelivered: UInt64 = 0
    /// How many messages were posted after the port was over, and were dropped.
    private(set) var refused: UInt64 = 0
    /// Something that was posted is certain never to reach the peer's process.
    private(set) var hasLostMessages = false
    /// What finally ended the line. Where the program had closed the port before, ``reason`` says that, and this says
    /// what became of the messages that were still to be handed over.
    private(set) var failure: CloseReason?

    init(isOpen: Bool) {
        self.isOpen = isOpen
    }

    /// No more messages will be received.
    var inputHasEnded: Bool { inbound != .open || reason != nil }
    /// Why the port is over, where it was not ended by the program on this side.
    var foreignReason: CloseReason? {
        isClosedHere || reason == .transferred || reason == .socketDetached ? nil : reason
    }
    /// The port was closed here, and still hands over what was posted before.
    var isLingering: Bool { outbound == .closed && !isOver }
    /// Input is read only to notice its end.
    var dropsWhatComes: Bool { isLingering || inbound == .closed }

    /// Whether a posted message is queued or sent rather than dropped.
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

    /// Counts posted messages, where ``takesPosts`` is known to hold.
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
        // The peer ended the port first, and that reason stays. The messages that the peer had sent are dropped,
        // though.
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

    /// All queued output has been handed to the kernel. A port that is not open yet does not end here, so that a task
    /// which waits for the hand-over waits for the introduction too.
    mutating func didFlush() -> Effects {
        if outbound == .finished { finishIsSent = true }
        if awaitsClose { closeIsSent = true }
        return endLingering()
    }

    /// The queued output will never be read: the peer reads no more.
    mutating func didLoseOutput() -> Effects {
        endLingering()
    }

    /// Ends the port at once and without a close frame, for example because the introduction failed or the peer broke a
    /// rule.
    mutating func fail(_ reason: CloseReason) -> Effects {
        guard !isOver else { return [] }
        isOver = true
        failure = reason
        // The kernel may have all of the output, but no process has taken the other end.
        if !isOpen, posted > 0 { hasLostMessages = true }
        let isNews = self.reason == nil
        self.reason = self.reason ?? reason
        return isNews ? [.dropOutput, .announceEnd, .hangUp] : [.dropOutput, .hangUp]
    }

    /// Ends the port at once and without a close frame, as this side's program wishes. A port that is over keeps its
    /// reason.
    mutating func abort() -> Effects {
        if isClosedHere, isOver { return [] }
        isClosedHere = true
        outbound = .closed
        return fail(isOpen ? .abortedHere : .givenUpHere).union([.dropInput, .announceEnd])
    }

    /// Messages that were posted and not written will never be written.
    mutating func didLoseMessages() {
        hasLostMessages = true
    }

    /// Why something that was posted has not reached the peer's process, or nil where there is no sign of that. If the
    /// peer had finished before it closed, messages that it has not taken are no loss.
    var loss: PortError? {
        guard !peerWasDone, let what = lossInWords else { return nil }
        return .undelivered(what, failure ?? reason)
    }

    private var lossInWords: String? {
        if undelivered > 0 { return "the peer has not taken \(undelivered) of the \(posted) messages that were posted" }
        if hasLostMessages {
            return isOpen
                ? "the messages that were posted last have not reached the peer"
                : "the messages that were posted have not been delivered"
        }
        if refused == 0 { return nil }
        let posted = refused == 1 ? "1 message was posted" : "\(refused) messages were posted"
        return "\(posted) after the end of the port, and dropped"
    }

    // MARK: Transfer

    /// Why the port cannot be transferred, or nil.
    ///
    /// A port whose peer has gone can be: the messages that have not been taken go with it. A port that was closed on
    /// this side, or has been transferred, cannot.
    var transferRefusal: PortError? {
        if !isOpen, reason == nil { return .notOpen }
        // Both sides have finished, and this side has taken everything.
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

    /// Why the port's socket cannot be detached, or nil.
    var detachingRefusal: PortError? {
        if !isOpen, reason == nil { return .notOpen }
        if outbound == .closed || awaitsClose { return .detached("the port") }
        return reason.map(PortError.closed)
    }

    /// The socket belongs to another owner now.
    mutating func didDetachSocket() -> Effects {
        isOver = true
        outbound = .closed
        reason = .socketDetached
        return .announceEnd
    }

    /// Continues the counts and states of the port that was transferred.
    ///
    /// - Parameters:
    ///   - posted: how many messages were posted since the line's beginning.
    ///   - taken: how many were taken.
    ///   - hasFinished: whether a finish frame has been queued or sent.
    ///   - finishIsSent: whether the kernel has it.
    mutating func resume(posted: UInt64, taken: UInt64, hasFinished: Bool, finishIsSent: Bool) {
        self.posted = posted
        self.taken = taken
        // Messages that it had not taken are received again here.
        received = taken
        if hasFinished { outbound = .finished }
        self.finishIsSent = finishIsSent
    }

    // MARK: What the other side does

    mutating func didReceiveMessages(_ count: Int) throws(ProtocolViolation) -> Effects {
        try expectNotEnded("a message")
        received &+= UInt64(count)
        return didOpen()
    }

    mutating func didReceiveFinish() throws(ProtocolViolation) -> Effects {
        try expectNotEnded("a finish frame")
        inbound = .finished
        hasReceivedFinish = true
        return didOpen().union(.announceEnd).union(closeIfBothFinished())
    }

    /// - Parameter count: how many messages from this side the peer's program has taken.
    mutating func didReceiveClose(taken count: UInt64) throws(ProtocolViolation) -> Effects {
        guard count <= posted || mayHaveFormerHolders else {
            throw ProtocolViolation(
                "its close frame says that it has taken \(count) messages, and \(posted) were posted to it")
        }
        let effects = didOpen()
        peerWasDone = inbound == .finished
        let bothHaveFinished = inbound == .finished && outbound == .finished && finishIsSent
        inbound = .closed
        undelivered = posted > count ? posted - count : 0
        if awaitsClose {
            outbound = .closed
            if closeIsSent { return effects.union(fail(.bothFinished)) }
            // The peer waits for our close frame, which is still to be written.
            reason = .bothFinished
            return effects.union([.announceEnd, .linger])
        }
        if !bothHaveFinished { return effects.union(fail(.closedByPeer)) }
        owesClose = true
        reason = .bothFinished
        return effects.union(.announceEnd)
    }

    /// The stream has ended: the peer has shut the socket down, closed it or died.
    ///
    /// Before the port is open the end means nothing: a listener that refuses a caller closes the socket first, and its
    /// answer to the introduction then gives the reason.
    /// - Parameter unread: whether the peer left bytes from this side unread.
    mutating func didReachEnd(unread: Bool = false) -> Effects {
        guard isOpen else { return [] }
        if unread, inbound != .closed, posted > 0 { hasLostMessages = true }
        return fail(.peerExited)
    }

    // MARK: Rules

    private func expectNotEnded(_ what: String) throws(ProtocolViolation) {
        if inbound != .open { throw ProtocolViolation("it sent \(what) after it had finished or closed") }
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
