/// What a task can wait for on a line.
enum LineEvent {
    /// Messages, or their end.
    case input
    case opening
    case end
    /// All posted messages handed to the kernel.
    case flush
    /// Room in the queue.
    case room
}

/// The tasks that wait on a line, in the order in which they began to wait.
struct Waiters {
    /// An unsafe continuation does not check that it is resumed exactly once. Here that holds: the code that removes a
    /// continuation resumes it.
    typealias Continuation = UnsafeContinuation<Void, Never>

    private var waiting: [(id: UInt64, event: LineEvent, continuation: Continuation)] = []
    func count(_ event: LineEvent) -> Int {
        waiting.count { $0.event == event }
    }

    mutating func add(_ id: UInt64, for event: LineEvent, _ continuation: Continuation) {
        waiting.append((id, event, continuation))
    }

    mutating func remove(_ id: UInt64) -> Continuation? {
        guard let index = waiting.firstIndex(where: { $0.id == id }) else { return nil }
        return waiting.remove(at: index).continuation
    }

    mutating func removeFirst(_ event: LineEvent) -> Continuation? {
        guard let index = waiting.firstIndex(where: { $0.event == event }) else { return nil }
        return waiting.remove(at: index).continuation
    }

    /// Has all tasks that wait for this event resumed.
    mutating func resume(_ event: LineEvent, in wakeups: inout Wakeups) {
        guard let first = waiting.firstIndex(where: { $0.event == event }) else { return }
        for waiter in waiting[first...] where waiter.event == event { wakeups.add(waiter.continuation) }
        waiting.removeAll { $0.event == event }
    }
}

/// Continuations to resume and closures to call once the lock has been released, never inside of it.
struct Wakeups: ~Copyable {
    /// In most cases there is none or one: the task that waits for a message.
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
