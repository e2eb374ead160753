import CConnectToLinux

extension Reactor {
    /// Runs a closure on the loop once, not before the given time has passed.
    ///
    /// The clock is CLOCK_MONOTONIC: it stands still while the machine sleeps, and cannot be set.
    @discardableResult
    package func schedule(after delay: Duration, _ call: @escaping @Sendable () -> Void) -> Timer {
        let now = clinux_monotonic_nanoseconds()
        let deadline = now &+ max(1, delay.wholeNanoseconds)
        let id = state.withLock { state in
            let id = state.timers.insert(deadline: deadline, call)
            armTimerOffLoop(&state)
            return id
        }
        return Timer(id: id, reactor: self)
    }

    /// As ``schedule(after:_:)``, for the deadline of a wait: events that had arrived when the deadline passed are
    /// handled first, together with everything that they cause by the end of their turn.
    ///
    /// A process that was stopped for longer than the wait finds the deadline and the answer at the same moment; the
    /// answer was in time, and has to win. Cancelling prevents the call only until the deadline has passed.
    @discardableResult
    package func scheduleDeadline(after delay: Duration, _ call: @escaping @Sendable () -> Void) -> Timer {
        // The timer's turn may have polled before the answer arrived. The next turn polls after that, and handles the
        // answer to its end. The turn after that one runs the closure.
        schedule(after: delay) { [self] in execute { [self] in execute(call) } }
    }

    package struct Timer: Sendable {
        fileprivate let id: UInt64
        fileprivate let reactor: Reactor

        /// Prevents the closure from running. If it is running already, it runs to its end.
        package func cancel() {
            // Release the closure outside of the lock: the deinit of an object that it owns may call the reactor.
            let call = reactor.state.withLock { state in
                let call = state.timers.cancel(id)
                reactor.armTimerOffLoop(&state)
                return call
            }
            withExtendedLifetime(call) {}
        }
    }

    /// Arms the kernel's timer unless the caller is on the loop: the loop arms it once, before it sleeps, for all
    /// changes of the turn.
    private func armTimerOffLoop(_ state: inout State) {
        if !isCurrent { armTimer(&state) }
    }

    /// Sets the kernel's timer to the earliest deadline, or disarms it, if that has changed: a timer left at a
    /// cancelled deadline would wake the loop for nothing.
    func armTimer(_ state: inout State) {
        let earliest = state.timers.earliestDeadline() ?? 0
        if earliest == state.armedDeadline { return }
        state.armedDeadline = earliest
        _ = clinux_timerfd_set(timerDescriptor.rawValue, earliest)
    }
}
