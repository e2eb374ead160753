import ConnectToLinux

extension LineState {
    /// One call of a handler.
    enum Delivery {
        /// And what else can be claimed for the same handlers. Deliveries rest after the last.
        case message(PortHandlers.Receivers, Message?, RunCursor?, isLast: Bool)
        case close(PortHandlers.CloseHandler, CloseReason)
        case nothing
    }

    /// The end has come from elsewhere, and all that came before it has been delivered.
    private var endToTell: CloseReason? { input.isEmpty && !isInTransit ? life.foreignReason : nil }

    /// A handler is to be told the end, and that is all that can still come: either it is here, or both sides have
    /// finished and taken all. A handler that the program had time to set is told, however soon the port is forgotten.
    var owesEnd: Bool { handlers.close != nil && (endToTell != nil || life.awaitsClose) }

    /// Has the loop call the handlers, if there is anything to call them with.
    mutating func deliverLater(for line: Line) {
        let isDue = handlers.message != nil && !input.isEmpty || handlers.close != nil && endToTell != nil
        if !isDue || deliveryIsDue || isInTransit { return }
        deliveryIsDue = true
        if isInEvent {
            mustDeliver = true
        } else {
            line.reactor.execute { line.deliver() }
        }
    }

    /// The next call to be made. When there is none, deliveries rest until ``deliverLater(for:)``.
    ///
    /// - Parameter cursor: what was lent with the last one.
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

    /// Lets go of handlers that cannot be called any more, and with them of the port.
    mutating func forgetHandlers(_ wakeups: inout Wakeups) {
        if isInTransit { return }
        let mayReceive = !life.inputHasEnded || !input.isEmpty
        let isOver = life.reason != nil && life.foreignReason == nil
        if mayReceive, !isOver { return }
        let old = handlers
        handlers = PortHandlers()
        if !isOver { handlers.close = old.close }
        wakeups.add { withExtendedLifetime(old) {} }
    }
}
