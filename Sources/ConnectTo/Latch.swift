import Synchronization

/// A value that is set once, and can be waited for before and asked for after.
final class Latch<Value: Sendable>: Sendable {
    private enum State {
        case open([UInt64: CheckedContinuation<Value?, Never>])
        case set(Value)
    }

    private let state = Mutex(State.open([:]))
    private let nextID = Atomic<UInt64>(0)

    /// Nil until it is set.
    var value: Value? {
        state.withLock { state in
            if case .set(let value) = state { value } else { nil }
        }
    }

    /// The first value counts; later ones are ignored.
    func set(_ value: Value) {
        let waiting: [CheckedContinuation<Value?, Never>] = state.withLock { state in
            guard case .open(let waiting) = state else { return [] }
            state = .set(value)
            return Array(waiting.values)
        }
        for continuation in waiting { continuation.resume(returning: value) }
    }

    /// Waits for the value; nil when the waiting task is cancelled first.
    func wait() async -> Value? {
        let id = nextID.add(1, ordering: .relaxed).newValue
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Value?? = state.withLock { state in
                    switch state {
                    case .set(let value): return .some(value)
                    case .open where Task.isCancelled: return .some(nil)
                    case .open(var waiting):
                        waiting[id] = continuation
                        state = .open(waiting)
                        return nil
                    }
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let continuation: CheckedContinuation<Value?, Never>? = state.withLock { state in
                guard case .open(var waiting) = state else { return nil }
                let continuation = waiting.removeValue(forKey: id)
                state = .open(waiting)
                return continuation
            }
            continuation?.resume(returning: nil)
        }
    }
}
