import ConnectToLinux

extension EventLoop {
    // MARK: Work of your own

    /// Runs a closure on the loop, in the order of the calls, and returns at once. From any thread.
    ///
    /// The loop runs the closure on its own thread, or in ``runReady()`` where your thread turns the loop. The closure
    /// must not block: every port of the loop waits for it. A call on the loop itself runs the closure in the next
    /// turn, after the events that the kernel has for the ports by then.
    public func execute(_ work: @escaping @Sendable () -> Void) {
        reactor.execute(work)
    }

    /// Runs a closure on the loop once, after the given time has passed. From any thread.
    ///
    /// The clock is CLOCK_MONOTONIC, Swift's `SuspendingClock`: it cannot be set, and it stands still while the machine
    /// sleeps. As with ``execute(_:)``, the closure runs on the loop and must not block. The loop keeps the closure,
    /// and the objects that the closure holds, until it has run or is cancelled. A waiting timer costs no thread, and
    /// wakes none before its time.
    /// - Parameter delay: how long to wait; zero or less means the loop's next turn.
    /// - Returns: a timer that can cancel the closure. Dropping the timer does not cancel it.
    @discardableResult
    public func schedule(after delay: Duration, _ work: @escaping @Sendable () -> Void) -> Timer {
        Timer(timer: reactor.schedule(after: delay, work))
    }

    /// A closure that the loop is to run later, made by ``schedule(after:_:)``.
    public struct Timer: Sendable {
        let timer: Reactor.Timer

        /// Cancels the closure and releases it. A closure that is already running runs to its end; that can be the case
        /// only for calls from other threads than the loop's. Does nothing where the closure has run.
        public func cancel() {
            timer.cancel()
        }
    }
}
