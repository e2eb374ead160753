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
    }

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
