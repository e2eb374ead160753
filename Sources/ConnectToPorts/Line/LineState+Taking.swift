/// How messages are taken of what has been read.
extension LineState {
    /// Counts what was taken without the lock.
    mutating func settleInput() {
        input.settle()
        // Nothing follows from it: the last message is taken under the lock.
        _ = life.didTake(input.collectTaken())
    }

    /// From here on messages are taken under the lock only, until they are lent again.
    mutating func revokeInput() {
        input.revoke()
        settleInput()
    }

    enum Take {
        case message(Message)
        /// Nothing yet: wait.
        case nothing
        /// There will be no more; the reason is nil where the peer has finished and the port lives on.
        case end(CloseReason?)
        /// Another taker has the messages to itself.
        case refused

        var isNothing: Bool { if case .nothing = self { true } else { false } }

        /// What the taker gets: nil where there is nothing, and at an end that is in order.
        func get() throws(PortError) -> Message? {
            switch self {
            case .message(let message): return message
            case .nothing, .end(nil): return nil
            case .end(let reason?):
                if reason.code == .closed || reason.code == .transferred { return nil }
                throw .closed(reason)
            case .refused: throw .alreadyTaken
            }
        }
    }

    // MARK: One taker at a time

    /// Gives the messages to a taker, if it may have them.
    /// - Parameter candidate: nil for a call that keeps nothing.
    /// - Returns: whether it may.
    mutating func claim(_ candidate: ObjectIdentifier?) -> Bool {
        if !admits(candidate) { return false }
        taker = candidate
        return true
    }

    private func admits(_ candidate: ObjectIdentifier?) -> Bool {
        (taker == candidate || taker == nil) && handlers.message == nil
    }

    /// Whether the taker need not wait: there is a message, or the end, or it is refused.
    func hasNews(for candidate: ObjectIdentifier) -> Bool { hasNews || !admits(candidate) }

    /// The taker is gone, or at the end: another may take.
    mutating func release(_ former: ObjectIdentifier) {
        if taker != former { return }
        taker = nil
        input.endLending()
        settleInput()
    }

    /// What a taker gets of the messages, if they are its own.
    /// - Parameters: as of ``claim(_:)`` and ``takeMessage(holding:for:_:)``.
    mutating func takeMessage(
        as candidate: ObjectIdentifier?, holding cursor: RunCursor?, for line: Line, _ wakeups: inout Wakeups
    ) -> Take {
        if !claim(candidate) { return .refused }
        let outcome = takeMessage(holding: cursor, for: line, &wakeups)
        if case .end = outcome, let candidate { release(candidate) }
        return outcome
    }

    // MARK: Messages

    /// - Parameter cursor: what the taker was lent, if anything.
    mutating func takeMessage(
        holding cursor: RunCursor?, for line: Line, _ wakeups: inout Wakeups
    ) -> Take {
        if let message = takeInput(holding: cursor, for: line, &wakeups) { return .message(message) }
        return hasNews ? .end(life.reason) : .nothing
    }

    /// A message, if there is one.
    mutating func takeInput(
        holding cursor: RunCursor?, for line: Line, _ wakeups: inout Wakeups
    ) -> Message? {
        guard let message = input.popFirst(for: cursor) else { return nil }
        input.settle()
        // Not as soon as there is room for one: that would be a turn of the loop for each message.
        if isHeldUp, input.size <= limits.queuedInput / 2 {
            isHeldUp = false
            continueReading(for: line)
        }
        if input.isEmpty, !mayRead { reader.rest() }
        if message.hasAttachment {
            for port in message.ports { wakeups.add { port.line.wasSeen() } }
        }
        apply(life.didTake(input.collectTaken()), to: line, &wakeups)
        if handlers.close != nil { deliverLater(for: line) }
        return message
    }
}
