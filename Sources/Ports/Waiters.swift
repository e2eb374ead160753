/// Tasks that wait for one thing, in the order they came.
struct Waiters<Value: Sendable> {
    typealias Continuation = CheckedContinuation<Value, Never>

    private var waiting: [(id: UInt64, continuation: Continuation)] = []

    var isEmpty: Bool { waiting.isEmpty }
    var count: Int { waiting.count }

    mutating func add(_ id: UInt64, _ continuation: Continuation) {
        waiting.append((id, continuation))
    }

    mutating func remove(_ id: UInt64) -> Continuation? {
        guard let index = waiting.firstIndex(where: { $0.id == id }) else { return nil }
        return waiting.remove(at: index).continuation
    }

    mutating func removeFirst() -> Continuation? {
        waiting.isEmpty ? nil : waiting.removeFirst().continuation
    }

    mutating func removeAll() -> [Continuation] {
        // Mostly there is nobody.
        if waiting.isEmpty { return [] }
        defer { waiting = [] }
        return waiting.map { $0.continuation }
    }
}

/// What is to be resumed once the lock has been let go; never inside it.
struct Wakeups {
    /// Mostly there are none.
    private var resumptions: [() -> Void]?

    mutating func add<Value: Sendable>(_ continuation: CheckedContinuation<Value, Never>?, _ value: Value) {
        if let continuation { add { continuation.resume(returning: value) } }
    }

    mutating func add<Value: Sendable>(_ continuations: [CheckedContinuation<Value, Never>], _ value: Value) {
        for continuation in continuations { add(continuation, value) }
    }

    mutating func add(_ call: @escaping () -> Void) {
        if resumptions == nil { resumptions = [call] } else { resumptions?.append(call) }
    }

    consuming func run() {
        guard let resumptions else { return }
        for resume in resumptions { resume() }
    }
}
