import ConnectTo
import ConnectToLinux

/// A request of this program: its task waits here for elements and for the end.
final class PendingCall: Sendable {
    enum Progress: Sendable {
        case element(Payload)
        /// The result; the request has ended.
        case result(Payload)
        case failed(CallError)
    }

    /// Where the request is, so that it can be given up. Guarded by the line's lock.
    enum Place: Sendable {
        case none
        case waiting(ticket: UInt64)
        case sent(id: UInt64)
        /// Given up before it was started: it is not to be sent any more.
        case givenUp
    }

    fileprivate struct State {
        var elements: [Payload] = []
        var end: Progress?
        var waiter: UnsafeContinuation<Void, Never>?
        var place = Place.none
        var logEntry: CallLogEntry?
    }

    let type: String
    let payload: OutgoingMessage?
    /// The payload's compressed form, if it is to be used.
    let compressed: [UInt8]?
    let wantsMany: Bool
    /// When the request is given up; nil: never.
    let deadline: SuspendingClock.Instant?
    /// Called at the end, for a caller that waits for many requests without a task for each.
    private let onEnd: (@Sendable (Progress) -> Void)?
    private let state = Lock(State())

    init(
        type: String, payload: OutgoingMessage?, compressed: [UInt8]? = nil, wantsMany: Bool,
        deadline: SuspendingClock.Instant?,
        onEnd: (@Sendable (Progress) -> Void)? = nil
    ) {
        self.onEnd = onEnd
        self.type = type
        self.payload = payload
        self.compressed = compressed
        self.wantsMany = wantsMany
        self.deadline = deadline
    }

    var place: Place {
        get { state.withLock(\.place) }
        set { state.withLock { $0.place = newValue } }
    }

    /// What is written when the request ends; nil where nothing is.
    func log(_ entry: CallLogEntry?) {
        if let entry { state.withLock { $0.logEntry = entry } }
    }

    /// An element has arrived.
    func receive(_ element: Payload) {
        let waiter = state.withLock { state in
            state.elements.append(element)
            return state.takeWaiter()
        }
        waiter?.resume()
    }

    /// The request has ended; only the first end counts.
    func end(_ progress: Progress) {
        settle(progress)()
    }

    /// The request has ended, and its task is not to go on yet.
    ///
    /// - Returns: what lets the task go on.
    func settle(_ progress: Progress) -> () -> Void {
        let ended: (entry: CallLogEntry?, place: Place, waiter: UnsafeContinuation<Void, Never>?)? = state.withLock {
            state in
            guard state.end == nil else { return nil }
            state.end = progress
            return (state.logEntry, state.place, state.takeWaiter())
        }
        guard let ended else { return {} }
        return { [onEnd] in
            ended.entry?.write(id: ended.place.id, outcome: progress.outcome)
            ended.waiter?.resume()
            onEnd?(progress)
        }
    }

    /// Waits for the next element or the end. Only one task waits at a time.
    func next() async -> Progress {
        while true {
            if let progress = state.withLock({ $0.next() }) { return progress }
            await withUnsafeContinuation { continuation in
                let mustWait = state.withLock { state in
                    guard state.elements.isEmpty, state.end == nil else { return false }
                    state.waiter = continuation
                    return true
                }
                if !mustWait { continuation.resume() }
            }
        }
    }
}

extension PendingCall.State {
    fileprivate mutating func next() -> PendingCall.Progress? {
        if !elements.isEmpty { return .element(elements.removeFirst()) }
        return end
    }

    fileprivate mutating func takeWaiter() -> UnsafeContinuation<Void, Never>? {
        defer { waiter = nil }
        return waiter
    }
}
