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
        case failed(CallError)
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
    enum Wakeup: Sendable {
        case none
        case resume(UnsafeContinuation<Progress, Never>, Progress)
        case end(Progress, UnsafeContinuation<Progress, Never>?, End?)
        /// The answer to a request that was given up.
        case late(@Sendable (DeferredRequest.Change) -> Void)

        /// What few callers want at the end.
        final class End: Sendable {
            let logEntry: CallLogEntry?
            let id: UInt64?
            let change: DeferredRequest.Change
            let call: PendingCall

            init(_ logEntry: CallLogEntry?, id: UInt64?, _ change: DeferredRequest.Change, _ call: PendingCall) {
                self.logEntry = logEntry
                self.id = id
                self.change = change
                self.call = call
            }
        }

        func callAsFunction() {
            switch self {
            case .none: break
            case .resume(let waiter, let progress): waiter.resume(returning: progress)
            case .end(let progress, let waiter, let end):
                end?.logEntry?.write(id: end?.id, outcome: progress.outcome)
                if let end { end.call.onChange?(end.change) }
                waiter?.resume(returning: progress)
                end?.call.onEnd?(progress)
            case .late(let onChange): onChange(.done)
            }
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
    private var hasEnded = false
    /// The end, until somebody waits for it.
    private var end: Progress?
    private var waiter: UnsafeContinuation<Progress, Never>?

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
    var cost: Int {
        Letter(.request(id: 1, type: type, remaining: 0, wantsMany: wantsMany), payload).cost
    }

    /// An element has arrived.
    func receive(_ element: Payload) -> Wakeup {
        if let waiter = takeWaiter() { return .resume(waiter, .element(element)) }
        elements.append(element)
        return .none
    }

    /// The request has ended; only the first end counts.
    ///
    /// - Parameter change: whether the other program still works on it.
    func end(_ progress: Progress, _ change: DeferredRequest.Change = .done) -> Wakeup {
        if hasEnded { return .none }
        hasEnded = true
        let waiter = takeWaiter()
        if waiter == nil { end = progress }
        let isWanted = logEntry != nil || onEnd != nil || onChange != nil
        return .end(progress, waiter, isWanted ? Wakeup.End(logEntry, id: place.id, change, self) : nil)
    }

    /// Whether anything wants to know when the other program is done with the request, after it was given up.
    var awaitsLateAnswer: Bool { onChange != nil }

    /// The other program is done with the request, after it was given up.
    func endLate() -> Wakeup {
        onChange.map { .late($0) } ?? .none
    }

    /// The task waits for the next element or the end. Only one task waits at a time.
    func wait(_ continuation: UnsafeContinuation<Progress, Never>) -> Wakeup {
        if let element = elements.popFirst() { return .resume(continuation, .element(element)) }
        if let end { return .resume(continuation, end) }
        if hasEnded {
            // Copies of an iterator share their request, and another one has had the end.
            return .resume(continuation, .failed(CallError(.cancelled, "the answers to \(type) have all been taken")))
        }
        waiter = continuation
        return .none
    }

    private func takeWaiter() -> UnsafeContinuation<Progress, Never>? {
        defer { waiter = nil }
        return waiter
    }
}
