import CConnectToLinux

extension Reactor {
    /// Runs a closure on the loop once, not before the given time has gone by.
    ///
    /// The clock is CLOCK_MONOTONIC: it stands still while the machine sleeps, and nobody can set it.
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

    /// As ``schedule(after:_:)``, for the end of a wait: what had come by then is handled first, whatever it sets off by
    /// the end of its turn included.
    ///
    /// A process that was stopped for longer than it meant to wait finds the end of its wait and the answer together,
    /// and the answer was in time. Cancelling prevents the call only until the time is over.
    @discardableResult
    package func scheduleDeadline(after delay: Duration, _ call: @escaping @Sendable () -> Void) -> Timer {
        // The turn of the timer may have begun before the answer came; the first look after it is the second turn's.
        schedule(after: delay) { [self] in execute { [self] in execute(call) } }
    }

    package struct Timer: Sendable {
        fileprivate let id: UInt64
        fileprivate let reactor: Reactor

        /// From here on the closure does not run; if it is running, it runs to its end.
        package func cancel() {
            // The closure is let go outside of the lock: it may own what calls back into the reactor.
            let call = reactor.state.withLock { state in
                let call = state.timers.cancel(id)
                reactor.armTimerOffLoop(&state)
                return call
            }
            withExtendedLifetime(call) {}
        }
    }

    /// The loop itself tells the kernel only when it goes to rest, once for all that has changed meanwhile.
    private func armTimerOffLoop(_ state: inout State) {
        if !isCurrent { armTimer(&state) }
    }

    /// Tells the kernel of the earliest deadline if that has changed, so that no wake-up is for nothing.
    func armTimer(_ state: inout State) {
        let earliest = state.timers.earliestDeadline() ?? 0
        if earliest == state.armedDeadline { return }
        state.armedDeadline = earliest
        _ = clinux_timerfd_set(timerDescriptor.rawValue, earliest)
    }
}
