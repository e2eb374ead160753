/// What a task can wait for on a line.
enum Awaited {
    /// Messages, or their end.
    case input
    case opening
    case end
    /// That all is out of this process's hands.
    case flush
    /// Room in the queue.
    case room
}

/// Tasks that wait, in the order they came.
struct Waiters {
    /// Unsafe is only that nobody counts: each is resumed by whoever takes it out of here, and so once.
    typealias Continuation = UnsafeContinuation<Void, Never>

    private var waiting: [(id: UInt64, awaited: Awaited, continuation: Continuation)] = []
    func count(_ awaited: Awaited) -> Int {
        waiting.count { $0.awaited == awaited }
    }

    mutating func add(_ id: UInt64, for awaited: Awaited, _ continuation: Continuation) {
        waiting.append((id, awaited, continuation))
    }

    mutating func remove(_ id: UInt64) -> Continuation? {
        guard let index = waiting.firstIndex(where: { $0.id == id }) else { return nil }
        return waiting.remove(at: index).continuation
    }

    mutating func removeFirst(_ awaited: Awaited) -> Continuation? {
        guard let index = waiting.firstIndex(where: { $0.awaited == awaited }) else { return nil }
        return waiting.remove(at: index).continuation
    }

    /// Has all who wait for it resumed.
    mutating func resume(_ awaited: Awaited, in wakeups: inout Wakeups) {
        guard let first = waiting.firstIndex(where: { $0.awaited == awaited }) else { return }
        for waiter in waiting[first...] where waiter.awaited == awaited { wakeups.add(waiter.continuation) }
        waiting.removeAll { $0.awaited == awaited }
    }
}

/// What is to be done once the lock has been let go; never inside it.
struct Wakeups: ~Copyable {
    /// Mostly there is none, or one: the task that waits for a message.
    private var first: Waiters.Continuation?
    private var others: [Waiters.Continuation]?
    private var calls: [() -> Void]?

    init() {}

    mutating func add(_ continuation: Waiters.Continuation?) {
        guard let continuation else { return }
        if first == nil {
            first = continuation
        } else {
            if others == nil { others = [] }
            others?.append(continuation)
        }
    }

    mutating func add(_ call: @escaping () -> Void) {
        if calls == nil { calls = [] }
        calls?.append(call)
    }

    @inline(__always)
    consuming func run() {
        first?.resume()
        if others != nil || calls != nil { runOthers() }
    }

    private borrowing func runOthers() {
        for continuation in others ?? [] { continuation.resume() }
        for call in calls ?? [] { call() }
    }
}
