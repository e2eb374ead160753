import ConnectToLinux
import DequeModule

/// The changes that one loop has not taken yet: one at each path, however slow the loop is.
final class ChangeQueue: Sendable {
    fileprivate struct State {
        /// In the order of their first change; a serial that is not that of its path's change says that it is gone.
        var order: Deque<(path: StatePath, serial: UInt64)> = []
        var changes: [StatePath: (serial: UInt64, change: StateChange)] = [:]
        var lastSerial: UInt64 = 0
        var isOver = false
    }

    let path: StatePath
    private let state = Lock(State())
    private let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    /// - Parameter path: where changes are heard of, and below.
    init(at path: StatePath) {
        self.path = path
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Adds changes, without waking the loop.
    func append(_ changes: [StateChange]) {
        state.withLock { state in
            for change in changes where change.path.steps.starts(with: path.steps) { state.append(change) }
        }
    }

    func wake() { signal.yield() }

    /// No more will come; what waits can still be taken.
    func end() {
        state.withLock { $0.isOver = true }
        signal.finish()
    }

    /// Waits until there is something; nil at the end, and where the task is cancelled. One loop may wait at a time.
    func next(isolation actor: isolated (any Actor)?) async -> StateChange? {
        await take(isolation: actor) { $0.first() }
    }

    /// All that waits.
    func all(isolation actor: isolated (any Actor)?) async -> [StateChange]? {
        await take(isolation: actor) { state in
            var changes: [StateChange] = []
            while let change = state.first() { changes.append(change) }
            return changes.isEmpty ? nil : changes
        }
    }

    private func take<Taken: Sendable>(
        isolation actor: isolated (any Actor)?, _ body: @Sendable (inout State) -> Taken?
    ) async -> Taken? {
        var iterator = signals.makeAsyncIterator()
        while !Task.isCancelled {
            let (taken, isOver) = state.withLock { state in (body(&state), state.isOver) }
            if let taken { return taken }
            if isOver { return nil }
            await iterator.next(isolation: actor)
        }
        return nil
    }
}

extension ChangeQueue.State {
    fileprivate mutating func append(_ change: StateChange) {
        guard let (serial, earlier) = changes[change.path] else {
            lastSerial += 1
            changes[change.path] = (lastSerial, change)
            order.append((change.path, lastSerial))
            return
        }
        let joined = change.joined(to: earlier)
        if joined.old == joined.new, joined.conflicts.isEmpty, earlier.conflicts.isEmpty {
            changes[change.path] = nil
            if order.count > 2 * changes.count + 64 {
                order.removeAll { changes[$0.path]?.serial != $0.serial }
            }
        } else {
            changes[change.path] = (serial, joined)
        }
    }

    fileprivate mutating func first() -> StateChange? {
        while let (path, serial) = order.popFirst() {
            guard let (current, change) = changes[path], current == serial else { continue }
            changes[path] = nil
            return change
        }
        return nil
    }
}
