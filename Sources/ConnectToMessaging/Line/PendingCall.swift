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
    }

    let type: String
    let payload: OutgoingMessage?
    let wantsMany: Bool
    /// When the request is given up; nil: never.
    let deadline: SuspendingClock.Instant?
    /// Called at the end, for a caller that waits for many requests without a task for each.
    private let onEnd: (@Sendable (Progress) -> Void)?
    private let state = Lock(State())

    init(
        type: String, payload: OutgoingMessage?, wantsMany: Bool, deadline: SuspendingClock.Instant?,
        onEnd: (@Sendable (Progress) -> Void)? = nil
    ) {
        self.onEnd = onEnd
        self.type = type
        self.payload = payload
        self.wantsMany = wantsMany
        self.deadline = deadline
    }

    var place: Place {
        get { state.withLock(\.place) }
        set { state.withLock { $0.place = newValue } }
    }

    /// An element has arrived.
    func receive(_ element: Payload) {
        wake { $0.elements.append(element) }
    }

    /// The request has ended; only the first end counts.
    func end(_ progress: Progress) {
        let isFirst = wake { state in
            if state.end != nil { return false }
            state.end = progress
            return true
        }
        if isFirst { onEnd?(progress) }
    }

    private func wake<Result: Sendable>(_ change: (inout State) -> Result) -> Result {
        let (result, waiter) = state.withLock { state in
            let result = change(&state)
            defer { state.waiter = nil }
            return (result, state.waiter)
        }
        waiter?.resume()
        return result
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
}
