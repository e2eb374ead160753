/// Taking messages from the input that has been read.
extension LineState {
    /// Counts the messages that were taken without the lock.
    mutating func countClaims() {
        input.countClaims()
        // These messages have no effects: the last message of the input is always taken under the lock.
        _ = life.didTake(input.collectTaken())
    }

    /// From here on messages are taken under the lock only, until they are lent again.
    mutating func revokeInput() {
        input.revoke()
        countClaims()
    }

    enum Take {
        case message(Message)
        /// There is no message yet: wait.
        case nothing
        /// No more messages will come; the reason is nil where the peer has finished and the port lives on.
        case end(CloseReason?)
        /// Another taker has the messages to itself.
        case refused

        var isNothing: Bool { if case .nothing = self { true } else { false } }

        /// The result for the taker: nil where there is no message yet, and after an orderly end.
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
    /// - Parameter candidate: the taker; nil for a single call that does not reserve the messages.
    /// - Returns: whether the taker may have the messages.
    mutating func claim(_ candidate: ObjectIdentifier?) -> Bool {
        if !admits(candidate) { return false }
        taker = candidate
        return true
    }

    private func admits(_ candidate: ObjectIdentifier?) -> Bool {
        (taker == candidate || taker == nil) && handlers.message == nil
    }

    /// Whether the taker need not wait: there is a message, the messages have ended, or the taker is refused.
    func hasNews(for candidate: ObjectIdentifier) -> Bool { hasNews || !admits(candidate) }

    /// The taker is gone, or has reached the end: another one may take.
    mutating func release(_ former: ObjectIdentifier) {
        if taker != former { return }
        taker = nil
        input.endLending()
        countClaims()
    }

    /// Takes a message for a taker, unless the messages belong to another one.
    /// - Parameters: as in ``claim(_:)`` and ``takeMessage(holding:for:_:)``.
    mutating func takeMessage(
        as candidate: ObjectIdentifier?, holding cursor: RunCursor?, for line: Line, _ wakeups: inout Wakeups
    ) -> Take {
        if !claim(candidate) { return .refused }
        let outcome = takeMessage(holding: cursor, for: line, &wakeups)
        if case .end = outcome, let candidate { release(candidate) }
        return outcome
    }

    // MARK: Messages

    /// - Parameter cursor: the cursor that the taker was lent, if any.
    mutating func takeMessage(
        holding cursor: RunCursor?, for line: Line, _ wakeups: inout Wakeups
    ) -> Take {
        if let message = takeInput(holding: cursor, for: line, &wakeups) { return .message(message) }
        return hasNews ? .end(life.reason) : .nothing
    }

    /// Takes the next message, if there is one.
    mutating func takeInput(
        holding cursor: RunCursor?, for line: Line, _ wakeups: inout Wakeups
    ) -> Message? {
        guard let message = input.popFirst(for: cursor) else { return nil }
        input.countClaims()
        // Do not read again as soon as one message fits: that would be a turn of the loop for each message.
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
