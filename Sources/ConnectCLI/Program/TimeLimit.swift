import ConnectTo
import ConnectToLinux

/// How long the command waits for a bus that is there and does not answer.
enum TimeLimit {
    /// For what has been asked for.
    static let answer = Duration.seconds(5)
    /// For what would only make an error clearer.
    static let advice = Duration.seconds(1)
}

/// Does some work in a task, and waits no longer than the limit for it.
/// - Returns: Nil where it is not done by then. It is cancelled, and not waited for.
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
