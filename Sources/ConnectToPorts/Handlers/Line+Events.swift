import ConnectToLinux

extension Line {
    /// Changes the handlers, from now on.
    func setHandlers(_ set: (inout PortHandlers) -> Void) {
        change { state, wakeups in
            let old = state.handlers
            wakeups.add { withExtendedLifetime(old) {} }
            set(&state.handlers)
            // The next message has to go to the new handler, so end the old one's lending.
            state.revokeInput()
            // A handler takes over from a taker, which is woken to get the error.
            if state.handlers.message != nil { state.taker = nil }
            state.waiters.resume(.input, in: &wakeups)
            state.forgetHandlers(&wakeups)
            state.deliverLater(for: self)
        }
    }

    /// Calls the handlers on the loop: one call after the other, and never under the lock.
    func deliver() {
        var left = LineState.messagesPerDrain
        var cursor: RunCursor?
        while left > 0 {
            switch change({ state, wakeups in state.nextDelivery(holding: cursor, for: self, &wakeups) }) {
            case .message(let handlers, var next, let lent, let isLast):
                cursor = lent
                while let message = next {
                    handlers.call(with: message)
                    left -= 1
                    // A handler that changes the input or the handlers revokes the cursor.
                    next = left > 0 ? cursor?.claim() : nil
                }
                if isLast { return }
            case .finish(let handler):
                handler()
                left -= 1
            case .close(let handler, let reason):
                handler(reason)
                left -= 1
            case .nothing: return
            }
        }
        change { state, _ in state.input.revoke(for: cursor) }
        // Let the other ports and the timers have their turn first.
        reactor.execute { self.deliver() }
    }
}
