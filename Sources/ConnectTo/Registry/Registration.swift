import ConnectToDBus
import ConnectToLinux
import ConnectToPorts

/// One registered name: what the registry, which serves it, shares with the ``Context`` that the program holds.
///
/// A program may have many thousands, most of them at rest. So state is made at its first use, terms that most
/// registrations share are held once, and one lock serves all registrations.
// @unchecked: what changes is used under the lock.
final class Registration: @unchecked Sendable {
    enum Status: Sendable, Equatable {
        /// The bus has not answered. Callers are served already: the name may be registered before the answer arrives
        /// here.
        case requested
        case registered
        case standby
        /// The bus has gone; the name is requested again when it is back.
        case interrupted
        case ended(Context.EndReason)
    }

    private enum Storage {
        /// All that a registration has until its state is used.
        case terms(Terms)
        case state(State)
    }

    private enum Phase: UInt8 {
        case requested, registered, standby, interrupted, ended

        var status: Context.Status {
            switch self {
            // A program gets its context once the bus has answered.
            case .requested, .registered: .registered
            case .standby: .standby
            case .interrupted: .reconnecting
            case .ended: .ended
            }
        }
    }

    let context: ContextName
    private var storage: Storage
    /// Held until the registration has gone: a program may keep a context and not its bus.
    private var bus: Bus?
    /// When the registration began, on ``clock``.
    private let began = Registration.clock
    private var phase = Phase.requested
    /// Whether this process has owned the name: false once it never will, nil while that is open.
    private var hasOwned: Bool?
    private var hasGone = false

    private static let lock = Lock(0)

    init(
        _ context: ContextName, _ options: ContextOptions = ContextOptions(), tap: Tap? = nil, bus: Bus? = nil
    ) {
        self.context = context
        self.bus = bus
        storage = .terms(.of(options, tap))
    }

    private var terms: Terms {
        Self.lock.withLock { _ in
            switch storage {
            case .terms(let terms): terms
            case .state(let state): state.terms
            }
        }
    }

    /// Nil where the state has not been used yet. Under the lock.
    private var state: State? { if case .state(let state) = storage { state } else { nil } }

    var metadata: [String: String] { terms.options.metadata }
    var format: LineFormat { terms.options.format }
    var isPartial: Bool { terms.options.isPartial }
    /// The flags with which the bus is asked for its name.
    var flags: BusConnection.RequestNameFlags { terms.flags }
    var admission: Admission { terms.options.admission }
    /// What the callers are told that the rule refuses.
    var refusal: String {
        terms.options.refusal.flatMap { Screening.Decision.refuse(because: $0).carriableReason }
            ?? "its rules do not admit this program; ask the user who runs it"
    }
    var screening: Screening? { terms.options.screening }
    var activity: ContextActivity { withState { $0.activity } }
    var arrivals: AsyncStream<Arrival> { withState { $0.arrivals } }
    /// Set when the registration has ended and the bus has confirmed that, or is gone.
    var isGone: Latch<Void> { withState { $0.isGone } }
    /// Set to true once this process owns the name, and to false once it never will.
    var hasOwnedName: Latch<Bool> { withState { $0.hasOwnedName } }
    var statistics: ContextStatistics {
        activity.statistics(after: .milliseconds(100 * Int(Self.clock &- began)))
    }

    private static let epoch = ContinuousClock.now
    /// Tenths of seconds since the process's first registration.
    private static var clock: UInt32 {
        UInt32(truncatingIfNeeded: epoch.duration(to: .now).wholeNanoseconds / 100_000_000)
    }

    private func withState<Result: Sendable>(_ body: (State) -> Result) -> Result {
        Self.lock.withLock { _ in body(madeState()) }
    }

    /// The state, which is made now where there is none. Under the lock.
    private func madeState() -> State {
        let terms: Terms
        switch storage {
        case .state(let state): return state
        case .terms(let own): terms = own
        }
        let state = State(terms)
        storage = .state(state)
        if let hasOwned { state.hasOwnedName.set(hasOwned) }
        if hasGone { state.isGone.set() }
        return state
    }

    // MARK: Its life

    var contextStatus: Context.Status { Self.lock.withLock { _ in phase.status } }

    var status: Status {
        Self.lock.withLock { _ in
            switch phase {
            case .requested: .requested
            case .registered: .registered
            case .standby: .standby
            case .interrupted: .interrupted
            case .ended: .ended(state?.reason ?? .unregistered)
            }
        }
    }

    /// Follows the status from now on.
    var board: StatusBoard<Context.Status> {
        withState { state in
            let board = state.board ?? StatusBoard(phase.status, last: .ended)
            state.board = board
            return board
        }
    }

    /// To be called when the bus has answered, or has reported a change.
    func didBecome(registered isRegistered: Bool) {
        let state: State? = Self.lock.withLock { _ in
            if phase == .ended { return nil }
            phase = isRegistered ? .registered : .standby
            if isRegistered { hasOwned = true }
            return self.state
        }
        if isRegistered { state?.hasOwnedName.set(true) }
        tell(state, isRegistered ? .registered : .standby)
    }

    private func tell(_ state: State?, _ status: Context.Status) {
        let board = Self.lock.withLock { _ in state?.board }
        _ = board?.set(status)
    }

    /// A registration that the bus has never confirmed does not become interrupted: its request fails, with the error
    /// that the bus has gone.
    func wasInterrupted() {
        let state: State? = Self.lock.withLock { _ in
            guard phase == .registered || phase == .standby else { return nil }
            phase = .interrupted
            return self.state
        }
        tell(state, .reconnecting)
    }

    /// Ends the registration, once.
    /// - Returns: whether this call ended it.
    func end(_ reason: Context.EndReason) -> Bool {
        let state: State? = Self.lock.withLock { _ in
            if phase == .ended { return nil }
            let state = madeState()
            state.reason = reason
            phase = .ended
            // All callers may have come before the bus's answer.
            hasOwned = hasOwned ?? (reason == .limitReached)
            return state
        }
        guard let state else { return false }
        state.sink.finish()
        state.hasOwnedName.set(reason == .limitReached)
        tell(state, .ended)
        return true
    }

    /// To be called when the bus has confirmed the end, or is gone.
    func didGo() {
        let (state, bus): (State?, Bus?) = Self.lock.withLock { _ in
            hasGone = true
            defer { self.bus = nil }
            return (self.state, self.bus)
        }
        // Release it outside of the lock: it may be the last reference.
        withExtendedLifetime(bus) { _ = state?.isGone.set() }
    }

    /// Ends the registration and gives the name back. The bus has confirmed that when this returns.
    func withdraw(_ reason: Context.EndReason) async {
        guard let bus: Bus = Self.lock.withLock({ _ in self.bus }) else { return }
        // A task of its own: in a cancelled task this would not wait for an end that another task has begun.
        await Task(executorPreference: bus.loop.reactor.tasks) { await bus.registry.withdraw(self, reason) }.value
    }

    /// The same without waiting.
    func withdrawSoon(_ reason: Context.EndReason) {
        let bus: Bus? = Self.lock.withLock { _ in self.bus }
        bus?.registry.withdrawSoon(self, reason)
    }

    // MARK: Its callers

    /// The right to take the callers, for one taker at a time. Given back when the last reference is dropped.
    final class Claim: Sendable {
        private let registration: Registration

        fileprivate init(_ registration: Registration) {
            self.registration = registration
        }

        deinit { registration.withState { $0.isClaimed = false } }
    }

    /// Claims the callers for one taker. Where the task that takes them is cancelled, the registration ends: no task
    /// is left to serve the callers.
    /// - Returns: nil where another taker has claimed them.
    func claimArrivals() -> Claim? {
        let sink: AsyncStream<Arrival>.Continuation? = withState { state in
            if state.isClaimed { return nil }
            state.isClaimed = true
            return state.sink
        }
        guard let sink else { return nil }
        // Weakly: if the registration has ended before, nothing would break the cycle.
        sink.onTermination = { [weak self] in if case .cancelled = $0 { self?.withdrawSoon(.unregistered) } }
        return Claim(self)
    }

    enum Delivery: Equatable {
        case delivered
        /// Delivered, as the last caller of the limit.
        case deliveredLast
        case isFull
        case hasEnded
    }

    func deliver(_ arrival: Arrival) -> Delivery {
        let (delivery, sink): (Delivery, AsyncStream<Arrival>.Continuation) = Self.lock.withLock { _ in
            let state = madeState()
            if phase == .ended || state.remaining == 0 { return (.hasEnded, state.sink) }
            guard state.backlog.hasRoom(for: arrival.peer) else { return (.isFull, state.sink) }
            state.backlog.add(arrival.peer)
            state.remaining? -= 1
            return (state.remaining == 0 ? .deliveredLast : .delivered, state.sink)
        }
        if delivery == .isFull || delivery == .hasEnded { return delivery }
        switch sink.yield(arrival) {
        case .enqueued: return delivery
        // Never for want of room: the stream holds a whole backlog.
        case .dropped, .terminated: return .hasEnded
        @unknown default: return .hasEnded
        }
    }

    /// To be called when the program has taken a caller.
    func didTake(_ arrival: Arrival) {
        withState { $0.backlog.remove(arrival.peer) }
    }

    /// Why callers in this format never come; nil where they may.
    func refusal(toTake wanted: LineFormat) -> ConnectToError? {
        if format.isStream == wanted.isStream { return nil }
        return ConnectToError(
            .otherFormat,
            """
            lines to \(context.quoted) \(format.words): take its callers with \
            \(format == .stream ? "streams" : "connectEvents"), or register it with the other format
            """)
    }
}
