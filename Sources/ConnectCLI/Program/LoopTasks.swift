import ConnectTo
import ConnectToLinux

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

/// How long the command waits for a bus that is there but does not answer.
enum TimeLimit {
    /// For an answer that the command needs.
    static let answer = Duration.seconds(5)
    /// For an answer that would only make an error clearer.
    static let advice = Duration.seconds(1)
}

/// Does some work in a task, and waits for it no longer than the limit.
/// - Returns: nil if the work is not done by then. The task is cancelled, and not waited for.
func within<Result: Sendable>(
    _ limit: Duration, _ work: @escaping @Sendable () async -> Result
) async -> Result? {
    let result = Latch<Result?>()
    let task = Task.onLoop { result.set(await work()) }
    let timer = try? EventLoop.shared.schedule(after: limit) {
        if result.set(nil) { task.cancel() }
    }
    defer { timer?.cancel() }
    return await result.wait() ?? nil
}
