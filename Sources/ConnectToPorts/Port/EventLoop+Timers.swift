import ConnectToLinux

extension EventLoop {
    // MARK: Work of your own

    /// Runs a closure on the loop, in the order of the calls, and returns at once. From any thread.
    ///
    /// The loop runs it on its own thread, or in ``runReady()`` where yours turns it; as all that runs there, it must not
    /// block: every port of the loop waits for it. Called on the loop, it runs in the next turn, after what the
    /// kernel has for the ports in the meantime.
    public func execute(_ work: @escaping @Sendable () -> Void) {
        reactor.execute(work)
    }

    /// Runs a closure on the loop once, not before the given time has gone by. From any thread.
    ///
    /// The clock is CLOCK_MONOTONIC, Swift's `SuspendingClock`: nobody can set it, and it stands still while the machine
    /// sleeps. Where it runs, and that it must not block, is as of ``execute(_:)``. The loop keeps the closure, and what
    /// it holds, until it has run or is cancelled; a timer that is waited for costs no thread and no wake-up before
    /// its time.
    /// - Parameter delay: how long; nothing and less is the loop's next turn.
    /// - Returns: what cancels it. It runs also where the program drops that.
    @discardableResult
    public func schedule(after delay: Duration, _ work: @escaping @Sendable () -> Void) -> Timer {
        Timer(timer: reactor.schedule(after: delay, work))
    }

    /// A closure that the loop is to run later, made by ``schedule(after:_:)``.
    public struct Timer: Sendable {
        let timer: Reactor.Timer

        /// Has the closure not run any more, and lets go of it. One that is running runs to its end: on the loop itself
        /// it cannot be running, elsewhere it may be. Does nothing where it has run.
        public func cancel() {
            timer.cancel()
        }
    }
}
