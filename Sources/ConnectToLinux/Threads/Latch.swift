/// A value that is set once. Tasks can wait for it, and any thread can read it.
public final class Latch<Value: Sendable>: Sendable {
    private struct State {
        var value: Value?
        var waiting: [UInt64: CheckedContinuation<Value?, Never>] = [:]
        var lastID: UInt64 = 0
    }

    private let state = Lock(State())

    public init() {}

    /// The value; nil until it is set.
    public var value: Value? { state.withLock { $0.value } }

    /// Sets the value, if it has not been set before.
    /// - Returns: whether this call has set it.
    @discardableResult
    public func set(_ value: Value) -> Bool {
        let waiting: [UInt64: CheckedContinuation<Value?, Never>]? = state.withLock { state in
            if state.value != nil { return nil }
            state.value = value
            defer { state.waiting = [:] }
            return state.waiting
        }
        guard let waiting else { return false }
        for continuation in waiting.values { continuation.resume(returning: value) }
        return true
    }

    /// Waits for the value; nil if the waiting task is cancelled first.
    public func wait() async -> Value? {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mustWait = state.withLock { state in
                    if state.value != nil || Task.isCancelled { return false }
                    state.waiting[id] = continuation
                    return true
                }
                if !mustWait { continuation.resume(returning: value) }
            }
        } onCancel: {
            let continuation = state.withLock { $0.waiting.removeValue(forKey: id) }
            continuation?.resume(returning: nil)
        }
    }
}

extension Latch<Void> {
    @discardableResult
    public func set() -> Bool { set(()) }
}
