import ConnectTo
import ConnectToMessaging
import Synchronization

/// One task of a pool, from its submission to its end.
///
/// `@unchecked Sendable`: ``worker`` and ``sentAt`` are guarded by the lock of the pool.
final class PoolTask: @unchecked Sendable {
    private static let lastID = Atomic<UInt64>(0)

    let id: Scheduler.TaskID
    let request: DeferredRequest
    /// How long it may run.
    let limit: Duration?
    /// Until when it may wait for a worker.
    let waitsUntil: Scheduler.Instant?
    let queueLimit: Duration?
    /// The worker that it was sent to.
    var worker: PoolWorker?
    var sentAt: Scheduler.Instant?

    init(
        _ type: String, _ payload: OutgoingMessage?, wantsMany: Bool, within limit: Duration?,
        queued queueLimit: Duration?, in core: PoolCore
    ) throws(CallError) {
        let id = Self.lastID.add(1, ordering: .relaxed).newValue
        self.id = id
        self.limit = limit
        self.queueLimit = queueLimit
        request = try DeferredRequest(type, payload, wantsMany: wantsMany) { change in core.task(id, did: change) }
        // A handler that runs a task has no longer than its own caller gives it.
        var patience = queueLimit
        if let left = request.remainingTime { patience = min(left, patience ?? left) }
        waitsUntil = patience.map { .now + $0 }
    }

    /// What the task has ended with, in the words of the pool: once it is known whether its worker has crashed.
    func explained(_ error: CallError) async -> CallError {
        if error.code == .timedOut, error.stage == nil {
            // The worker has told of the end of the time before this side's timer has fired.
            return CallError(.timedOut, error.message, details: error.details, stage: .sent)
        }
        guard error.code == .lineEnded, let process = worker?.process else { return error }
        let explained = await process.explained(error)
        if explained.code != .lineEnded { return explained }
        // The pool has ended the worker, and not because of this task.
        return CallError(
            .workerCrashed,
            "the worker of the task \(request.type) was killed, since it went on with another task that was given up",
            stage: error.stage, reason: error.reason, cause: await process.waitUntilExited())
    }
}
