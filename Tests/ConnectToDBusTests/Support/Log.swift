import ConnectToLinux

/// A list of events in order. Handlers add to it, and tests wait for it.
final class Log<Entry: Sendable>: Sendable {
    private struct State {
        var entries: [Entry] = []
        var waiting: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Lock(State())

    func add(_ entry: Entry) {
        let ready = state.withLock { state in
            state.entries.append(entry)
            let ready = state.waiting.filter { $0.count <= state.entries.count }
            state.waiting.removeAll { $0.count <= state.entries.count }
            return ready
        }
        for waiter in ready { waiter.continuation.resume() }
    }

    var entries: [Entry] { state.withLock { $0.entries } }

    /// Returns when the log has at least this many entries.
    @discardableResult
    func wait(for count: Int) async -> [Entry] {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.entries.count >= count { return true }
                state.waiting.append((count, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
        return entries
    }
}
