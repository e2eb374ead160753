import ConnectTo
import ConnectToLinux

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
