import ConnectTo

extension Task where Success == Void, Failure == Never {
    /// Starts a task on the event loop.
    ///
    /// All of the command's work runs there. Swift's own pool would start more threads, and one of them wakes once a
    /// second for ever, although an idle listener should sleep. Code that blocks runs on a ``WorkerThread``.
    @discardableResult
    static func onLoop(_ work: @escaping @Sendable () async -> Void) -> Task {
        Task(executorPreference: try? EventLoop.shared.executor) { await work() }
    }
}
