import ConnectTo
import ConnectToMessaging

/// How a worker gets an answer to a task.
protocol TaskAnswering: Sendable {
    /// Makes ready for tasks.
    /// - Throws: ``Failure`` if the command cannot be run.
    func prepare() async throws(Failure)
    /// Where the waiting task is cancelled, the command is ended.
    /// - Returns: nil where the command has printed nothing.
    func answer(_ task: Payload) async throws -> OutgoingMessage?
    /// There are no more tasks.
    func end() async
}
