import DBus
import LinuxIO
import Ports

/// One registered name: what the registry, which serves it, shares with the ``Context`` the program holds.
final class Registration: Sendable {
    enum Status: Sendable, Equatable {
        /// The bus has not answered. Callers are served already: it may have said yes to them.
        case requested
        case registered
        case standby
        /// The bus has gone; the name is asked for again when it is back.
        case interrupted
        case ended(Context.EndReason)
    }

    let context: ContextName
    let metadata: [String: String]
    let format: LineFormat
    /// How its name is asked for.
    let flags: BusConnection.RequestNameFlags
    let activity: ContextActivity
    let admission: Admission
    let events: AsyncStream<ConnectEvent>
    /// Set when it has ended and the bus has confirmed that, or is gone.
    let isGone = Latch<Void>()
    /// Set when the name has become this process's, or never will: whether it has.
    let hasBorneName = Latch<Bool>()
    private let sink: AsyncStream<ConnectEvent>.Continuation
    private let state: Lock<State>

    private struct State {
        var status = Status.requested
        /// How many more callers are to be admitted; nil is any number.
        var remaining: Int?
        /// Whose connect events wait to be taken.
        var waiting = WaitingRoom()
    }

    init(
        _ context: ContextName, metadata: [String: String], limit: Int?, format: LineFormat = .messages,
        flags: BusConnection.RequestNameFlags = .doNotQueue, tap: Tap? = nil,
        admission: Admission = .sameUser
    ) {
        activity = ContextActivity(tap: tap)
        self.context = context
        self.metadata = metadata
        self.format = format
        self.flags = flags
        self.admission = admission
        state = Lock(State(remaining: limit))
        (events, sink) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(WaitingRoom.seats))
    }

    var status: Status { state.withLock { $0.status } }

    func didChange(to status: Status) {
        state.withLock { state in
            if case .ended = state.status { return }
            state.status = status
        }
        if status == .registered { hasBorneName.set(true) }
    }

    /// One that the bus has never confirmed is not kept: whoever registers it is told that the bus has gone.
    func wasInterrupted() {
        state.withLock { state in
            if state.status == .registered || state.status == .standby { state.status = .interrupted }
        }
    }

    /// Ends the registration, once.
    /// - Returns: whether this call did it.
    func end(_ reason: Context.EndReason) -> Bool {
        let isFirst = state.withLock { state in
            if case .ended = state.status { return false }
            state.status = .ended(reason)
            return true
        }
        if isFirst {
            sink.finish()
            // Callers may all have come before the bus's answer.
            hasBorneName.set(reason == .limitReached)
        }
        return isFirst
    }

    /// Calls a closure when the task that takes the events is cancelled: nobody will serve them.
    func onAbandoned(_ call: @escaping @Sendable () -> Void) {
        sink.onTermination = { if case .cancelled = $0 { call() } }
    }

    enum Delivery: Equatable {
        case delivered
        /// Delivered, and it was the last that was wanted.
        case deliveredLast
        case isFull
        case hasEnded
    }

    func deliver(_ event: ConnectEvent) -> Delivery {
        let delivery: Delivery = state.withLock { state in
            if case .ended = state.status { return .hasEnded }
            if state.remaining == 0 { return .hasEnded }
            guard state.waiting.hasSeat(for: event.peer) else { return .isFull }
            state.waiting.enter(event.peer)
            state.remaining? -= 1
            return state.remaining == 0 ? .deliveredLast : .delivered
        }
        if delivery == .isFull || delivery == .hasEnded { return delivery }
        switch sink.yield(event) {
        case .enqueued: return delivery
        // Not full: there are as many seats.
        case .dropped, .terminated: return .hasEnded
        @unknown default: return .hasEnded
        }
    }

    /// The program has taken an event.
    func didTake(_ event: ConnectEvent) {
        state.withLock { $0.waiting.leave(event.peer) }
    }
}
