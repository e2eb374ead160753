import LinuxIO

extension Line {
    /// Changes what is called for what, from now on.
    func setHandlers(_ set: (inout PortHandlers) -> Void) {
        change { state, wakeups in
            let old = state.handlers
            wakeups.add { withExtendedLifetime(old) {} }
            set(&state.handlers)
            // Whoever waits at the sequence has had nothing while a handler took all.
            if state.handlers.message == nil { wakeups.add(state.consumers.removeAll(), ()) }
            state.forgetHandlers(&wakeups)
            state.deliverLater(for: self)
        }
    }

    /// Calls the handlers, on the loop: one call after the other, none of them under the lock.
    func deliver() {
        for _ in 0..<LineState.messagesPerDrain {
            switch change({ state, wakeups in state.nextDelivery(for: self, &wakeups) }) {
            case .message(let handler, let message): handler(message)
            case .close(let handler, let reason): handler(reason)
            case .skip: break
            case .nothing: return
            }
        }
        // Others and the timers have their turn first.
        reactor.execute { self.deliver() }
    }
}
