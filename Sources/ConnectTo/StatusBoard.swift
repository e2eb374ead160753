import ConnectToLinux

/// A status that any number of readers can follow. From any thread.
final class StatusBoard<Status: Equatable & Sendable>: Sendable {
    private struct State {
        var status: Status
        var readers: [UInt64: AsyncStream<Status>.Continuation] = [:]
        var nextID: UInt64 = 0
    }

    private let state: Lock<State>
    /// The status that no other follows.
    private let last: Status

    init(_ first: Status, last: Status) {
        state = Lock(State(status: first))
        self.last = last
    }

    var status: Status { state.withLock { $0.status } }

    /// - Returns: whether the status has changed.
    @discardableResult
    func set(_ status: Status) -> Bool {
        let readers: [AsyncStream<Status>.Continuation]? = state.withLock { state in
            if state.status == last || state.status == status { return nil }
            state.status = status
            return Array(state.readers.values)
        }
        guard let readers else { return false }
        for reader in readers {
            reader.yield(status)
            if status == last { reader.finish() }
        }
        return true
    }

    /// The status now, and each that follows. For a slow reader the newest 64 are kept.
    func statuses() -> AsyncStream<Status> {
        let (stream, reader) = AsyncStream<Status>.makeStream(bufferingPolicy: .bufferingNewest(64))
        let id = state.withLock { state in
            state.nextID += 1
            reader.yield(state.status)
            if state.status == last { reader.finish() } else { state.readers[state.nextID] = reader }
            return state.nextID
        }
        reader.onTermination = { [weak self] _ in
            _ = self?.state.withLock { $0.readers.removeValue(forKey: id) }
        }
        return stream
    }

    deinit {
        for reader in state.withLock({ $0.readers.values }) { reader.finish() }
    }
}
