import ConnectToLinux

extension LineState {
    /// One call of a handler.
    enum Delivery {
        /// The cursor lends further messages for the same handlers. No call follows the last message until
        /// ``deliverLater(for:)``.
        case message(PortHandlers.Receivers, Message?, RunCursor?, isLast: Bool)
        case finish(PortHandlers.FinishHandler)
        case close(PortHandlers.CloseHandler, CloseReason)
        case nothing
    }

    /// The reason to report to the close handler: this side did not end the port, and all messages that came before the
    /// end have been delivered.
    private var endToTell: CloseReason? { input.isEmpty && !isInTransit ? life.foreignReason : nil }

    /// The finish handler has to be told: all that came before the peer's finish has been delivered, and the line goes on.
    private var finishIsToTell: Bool {
        input.isEmpty && !isInTransit && life.hasReceivedFinish && life.reason == nil
    }

    /// A close handler has to be called, and only the end can still come: either it has come, or both sides have
    /// finished and taken everything. A handler that the program had time to set is called, however soon the program
    /// drops the port.
    var owesEnd: Bool { handlers.close != nil && (endToTell != nil || life.awaitsClose) }

    /// Has the loop call the handlers, if there is a message or an end to call them with.
    mutating func deliverLater(for line: Line) {
        let isDue =
            handlers.message != nil && !input.isEmpty || handlers.finish != nil && finishIsToTell
            || handlers.close != nil && endToTell != nil
        if !isDue || deliveryIsDue || isInTransit { return }
        deliveryIsDue = true
        if isInEvent {
            mustDeliver = true
        } else {
            line.reactor.execute { line.deliver() }
        }
    }

    /// The next call to be made. When there is none, no calls follow until ``deliverLater(for:)``.
    ///
    /// - Parameter cursor: the cursor that was lent with the last call.
    mutating func nextDelivery(
        holding cursor: RunCursor?, for line: Line, _ wakeups: inout Wakeups
    ) -> Delivery {
        if handlers.message != nil,
            case .message(let message) = takeMessage(holding: cursor, for: line, &wakeups)
        {
            let isLast = input.isEmpty && !life.inputHasEnded && life.reason == nil
            if isLast { deliveryIsDue = false }
            return .message(handlers.receivers, message, input.lend(), isLast: isLast)
        }
        forgetHandlers(&wakeups)
        if let handler = handlers.finish, finishIsToTell {
            handlers.finish = nil
            return .finish(handler)
        }
        if let handler = handlers.close, let reason = endToTell {
            let old = handlers
            handlers = PortHandlers()
            wakeups.add { withExtendedLifetime(old) {} }
            if isForgotten { apply(life.close(), to: line, &wakeups) }
            return .close(handler, reason)
        }
        deliveryIsDue = false
        return .nothing
    }

    /// Releases handlers that cannot be called any more, and with them the port that they keep alive.
    mutating func forgetHandlers(_ wakeups: inout Wakeups) {
        if isInTransit { return }
        let mayReceive = !life.inputHasEnded || !input.isEmpty
        let isOver = life.reason != nil && life.foreignReason == nil
        if mayReceive, !isOver { return }
        let old = handlers
        handlers = PortHandlers()
        if !isOver { handlers.close = old.close }
        if life.reason == nil { handlers.finish = old.finish }
        wakeups.add { withExtendedLifetime(old) {} }
    }
}
