import Synchronization

/// A value that is set once and can be awaited any number of times, before and after.
final class Latch<Value: Sendable>: Sendable {
    private struct State {
        var value: Value?
        var waiters: [CheckedContinuation<Value, Never>] = []
    }

    private let state = Mutex(State())

    /// Sets the value; later calls change nothing.
    /// - Returns: Whether this was the call that set it.
    @discardableResult
    func set(_ value: Value) -> Bool {
        let waiters: [CheckedContinuation<Value, Never>]? = state.withLock { state in
            if state.value != nil { return nil }
            state.value = value
            defer { state.waiters = [] }
            return state.waiters
        }
        guard let waiters else { return false }
        for waiter in waiters { waiter.resume(returning: value) }
        return true
    }

    /// Waits for the value, for as long as that takes; cancellation does not end the wait.
    var value: Value {
        get async {
            await withCheckedContinuation { continuation in
                let value: Value? = state.withLock { state in
                    if state.value == nil { state.waiters.append(continuation) }
                    return state.value
                }
                if let value { continuation.resume(returning: value) }
            }
        }
    }

    /// The value if it is set.
    var valueIfSet: Value? { state.withLock { $0.value } }
}

extension Latch<Void> {
    @discardableResult
    func set() -> Bool { set(()) }
}
