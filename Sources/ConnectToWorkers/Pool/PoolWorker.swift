import ConnectToLinux

/// A worker of a pool.
public struct PooledWorker: Sendable, Hashable {
    /// Counted up in the order of the starts in a pool, from 1 on: no two workers of a pool have the same.
    public let number: Int
    public let processID: Int32
}

/// One worker of a pool, from the decision to start it to its exit.
final class PoolWorker: Sendable {
    private struct State {
        var process: WorkerProcess?
        var start: Task<Void, Never>?
        var isKilled = false
    }

    let id: Scheduler.WorkerID
    private let state = Lock(State())

    init(_ id: Scheduler.WorkerID) {
        self.id = id
    }

    /// Nil until it has been started.
    var process: WorkerProcess? { state.withLock(\.process) }

    /// What the program knows of it; nil until it has been started.
    var info: PooledWorker? {
        process.map { PooledWorker(number: id, processID: $0.processID) }
    }

    /// Keeps the task that starts it, so that it can be broken off.
    func keepStart(_ start: Task<Void, Never>) {
        let isKilled = state.withLock { state in
            if state.process == nil { state.start = start }
            return state.isKilled
        }
        if isKilled { start.cancel() }
    }

    func hasStarted(_ process: WorkerProcess) {
        let isKilled = state.withLock { state in
            state.process = process
            state.start = nil
            return state.isKilled
        }
        if isKilled { process.kill() }
    }

    func kill() {
        let (process, start) = state.withLock { state in
            state.isKilled = true
            return (state.process, state.start)
        }
        process?.kill()
        start?.cancel()
    }
}
