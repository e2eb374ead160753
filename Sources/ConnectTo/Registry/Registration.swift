import LinuxIO
import Ports
import Synchronization

/// One registered name: what the registry, which serves it, shares with the ``Context`` the program holds.
final class Registration: Sendable {
    enum Status: Sendable, Equatable {
        /// The bus has not answered. Callers are served already: it may have said yes to them.
        case requested
        case registered
        case standby
        case ended(Context.EndReason)
    }

    /// Connect events that wait to be taken.
    static let queuedConnects = 256

    let context: ContextName
    let metadata: [String: String]
    let format: LineFormat
    let activity: ContextActivity
    let events: AsyncStream<ConnectEvent>
    /// Set when it has ended and the bus has confirmed that, or is gone.
    let isGone = Latch<Void>()
    /// Set when the name has become this process's, or never will: whether it has.
    let hasBorneName = Latch<Bool>()
    private let sink: AsyncStream<ConnectEvent>.Continuation
    private let state: Mutex<State>

    private struct State {
        var status = Status.requested
        /// How many more callers are to be admitted; nil is any number.
        var remaining: Int?
    }

    init(
        _ context: ContextName, metadata: [String: String], limit: Int?, format: LineFormat = .messages,
        tap: Tap? = nil
    ) {
        activity = ContextActivity(tap: tap)
        self.context = context
        self.metadata = metadata
        self.format = format
        state = Mutex(State(remaining: limit))
        (events, sink) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.queuedConnects))
    }

    var status: Status { state.withLock { $0.status } }

    func didChange(to status: Status) {
        state.withLock { state in
            if case .ended = state.status { return }
            state.status = status
        }
        if status == .registered { hasBorneName.set(true) }
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
        let isLast: Bool? = state.withLock { state in
            if case .ended = state.status { return nil }
            guard let remaining = state.remaining else { return false }
            if remaining == 0 { return nil }
            state.remaining = remaining - 1
            return remaining == 1
        }
        guard let isLast else { return .hasEnded }
        switch sink.yield(event) {
        case .enqueued: return isLast ? .deliveredLast : .delivered
        case .dropped:
            state.withLock { $0.remaining? += 1 }
            return .isFull
        case .terminated: return .hasEnded
        @unknown default: return .hasEnded
        }
    }
}
