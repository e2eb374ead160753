import ConnectTo
import DequeModule

/// A request of this program: its task waits here for elements and for the end.
///
/// `@unchecked Sendable`: what changes is guarded by the lock of the request's line. A lock for each request would be
/// made and destroyed with it, and taken several times beside the line's.
final class PendingCall: @unchecked Sendable {
    enum Progress: Sendable {
        case element(Payload)
        /// The result; the request has ended.
        case result(Payload)
        /// Indirect, since an error is large and all of these are moved several times.
        indirect case failed(CallError)
    }

    /// Where the request is, so that it can be given up.
    enum Place: Sendable {
        case none
        case waiting(ticket: UInt64)
        case sent(id: UInt64)
        /// Given up before it was started: it is not to be sent any more.
        case givenUp
    }

    /// What has to be done once the line's lock has been left.
    struct Wakeup: Sendable {
        var waiter: UnsafeContinuation<Void, Never>?
        /// What few callers want, before the task goes on that waits.
        var before: (@Sendable () -> Void)?

        func callAsFunction() {
            before?()
            waiter?.resume()
        }
    }

    let type: String
    let payload: OutgoingMessage?
    /// The payload's compressed form, if it is to be used.
    let compressed: [UInt8]?
    let wantsMany: Bool
    /// When the request is given up; nil: never.
    let deadline: Deadline?
    /// Called at the end, for a caller that waits for many requests without a task for each.
    private let onEnd: (@Sendable (Progress) -> Void)?
    /// Called at the end, before the task goes on that waits, and again when the other program is done with a request
    /// that was given up.
    private let onChange: (@Sendable (DeferredRequest.Change) -> Void)?

    // Guarded by the line's lock, as all that follows:
    var place = Place.none
    /// What is written when the request ends; nil where nothing is.
    var logEntry: CallLogEntry?
    private var elements: Deque<Payload> = []
    private var end: Progress?
    private var waiter: UnsafeContinuation<Void, Never>?

    init(
        type: String, payload: OutgoingMessage?, compressed: [UInt8]? = nil, wantsMany: Bool, deadline: Deadline?,
        onEnd: (@Sendable (Progress) -> Void)? = nil, onChange: (@Sendable (DeferredRequest.Change) -> Void)? = nil
    ) {
        self.onEnd = onEnd
        self.onChange = onChange
        self.type = type
        self.payload = payload
        self.compressed = compressed
        self.wantsMany = wantsMany
        self.deadline = deadline
    }

    /// How many bytes of the receiver's window it takes.
    var cost: Int { Head(.request, name: type).cost(payload) }

    /// An element has arrived.
    func receive(_ element: Payload) -> Wakeup {
        elements.append(element)
        return Wakeup(waiter: waiter.take())
    }

    /// The request has ended; only the first end counts.
    ///
    /// - Parameter change: whether the other program still works on it.
    func end(_ progress: Progress, _ change: DeferredRequest.Change = .done) -> Wakeup {
        if end != nil { return Wakeup() }
        end = progress
        var wakeUp = Wakeup(waiter: waiter.take())
        if logEntry != nil || onEnd != nil || onChange != nil {
            wakeUp.before = { [logEntry, onEnd, onChange, id = place.id] in
                logEntry?.write(id: id, outcome: progress.outcome)
                onChange?(change)
                onEnd?(progress)
            }
        }
        return wakeUp
    }

    /// Whether anything wants to know when the other program is done with the request, after it was given up.
    var awaitsLateAnswer: Bool { onChange != nil }

    /// The other program is done with the request, after it was given up.
    func endLate() -> Wakeup {
        var wakeUp = Wakeup()
        if let onChange { wakeUp.before = { onChange(.done) } }
        return wakeUp
    }

    /// The next element, or the end, which stays; nil where neither has come.
    func next() -> Progress? {
        elements.popFirst().map { .element($0) } ?? end
    }

    /// A task waits for what comes next. Only one waits at a time.
    ///
    /// - Returns: whether it has to: false where something is there.
    func waits(_ continuation: UnsafeContinuation<Void, Never>) -> Bool {
        guard elements.isEmpty, end == nil else { return false }
        waiter = continuation
        return true
    }
}
