import DBus
import LinuxIO
import Ports

/// One registered name: what the registry, which serves it, shares with the ``Context`` the program holds.
///
/// A program may have many thousands, most of them at rest. So what nobody has used is not there, terms that most have
/// are held once, and one lock does for all.
// @unchecked: what changes is used under the lock.
final class Registration: @unchecked Sendable {
    enum Status: Sendable, Equatable {
        /// The bus has not answered. Callers are served already: it may have said yes to them.
        case requested
        case registered
        case standby
        /// The bus has gone; the name is asked for again when it is back.
        case interrupted
        case ended(Context.EndReason)
    }

    private enum Facts {
        case unused(Terms)
        case used(Use)
    }

    private enum Phase: UInt8 { case requested, registered, standby, interrupted, ended }

    let context: ContextName
    private var facts: Facts
    /// Until it has gone; who holds a context holds the bus.
    private var bus: Bus?
    /// On ``clock``.
    private let began = Registration.clock
    private var phase = Phase.requested
    /// Whether the name has become this process's, or never will.
    private var hasOwned: Bool?
    private var hasGone = false

    private static let lock = Lock(0)

    init(
        _ context: ContextName, metadata: [String: String], limit: Int?, format: LineFormat = .messages,
        flags: BusConnection.RequestNameFlags = .doNotQueue, tap: Tap? = nil,
        admission: Admission = .sameUser, bus: Bus? = nil
    ) {
        self.context = context
        self.bus = bus
        facts = .unused(.of(metadata, limit, format, flags, tap, admission))
    }

    private var terms: Terms {
        Self.lock.withLock { _ in
            switch facts {
            case .unused(let terms): terms
            case .used(let use): use.terms
            }
        }
    }

    /// Under the lock.
    private var use: Use? { if case .used(let use) = facts { use } else { nil } }

    var metadata: [String: String] { terms.metadata }
    var format: LineFormat { terms.format }
    /// How its name is asked for.
    var flags: BusConnection.RequestNameFlags { terms.flags }
    var admission: Admission { terms.admission }
    var activity: ContextActivity { used { $0.activity } }
    var events: AsyncStream<ConnectEvent> { used { $0.events } }
    /// Set when it has ended and the bus has confirmed that, or is gone.
    var isGone: Latch<Void> { used { $0.isGone } }
    /// Set when the name has become this process's, or never will: whether it has.
    var hasOwnedName: Latch<Bool> { used { $0.hasOwnedName } }
    var contextStatus: ContextStatus {
        activity.status(after: .milliseconds(100 * Int(Self.clock &- began)))
    }

    private static let epoch = ContinuousClock.now
    /// Tenths of seconds since the process's first registration.
    private static var clock: UInt32 {
        UInt32(truncatingIfNeeded: epoch.duration(to: .now).wholeNanoseconds / 100_000_000)
    }

    private func used<Result: Sendable>(_ body: (Use) -> Result) -> Result {
        Self.lock.withLock { _ in body(present()) }
    }

    /// Under the lock.
    private func present() -> Use {
        let terms: Terms
        switch facts {
        case .used(let use): return use
        case .unused(let unused): terms = unused
        }
        let use = Use(terms)
        facts = .used(use)
        if let hasOwned { use.hasOwnedName.set(hasOwned) }
        if hasGone { use.isGone.set() }
        return use
    }

    // MARK: Its life

    var status: Status {
        Self.lock.withLock { _ in
            switch phase {
            case .requested: .requested
            case .registered: .registered
            case .standby: .standby
            case .interrupted: .interrupted
            case .ended: .ended(use?.reason ?? .unregistered)
            }
        }
    }

    /// The bus has answered, or has told of a change.
    func didBecome(registered isRegistered: Bool) {
        let waiting: Use? = Self.lock.withLock { _ in
            if phase == .ended { return nil }
            phase = isRegistered ? .registered : .standby
            if isRegistered { hasOwned = true }
            return isRegistered ? use : nil
        }
        waiting?.hasOwnedName.set(true)
    }

    /// One that the bus has never confirmed is not kept: whoever registers it is told that the bus has gone.
    func wasInterrupted() {
        Self.lock.withLock { _ in
            if phase == .registered || phase == .standby { phase = .interrupted }
        }
    }

    /// Ends the registration, once.
    /// - Returns: whether this call did it.
    func end(_ reason: Context.EndReason) -> Bool {
        let use: Use? = Self.lock.withLock { _ in
            if phase == .ended { return nil }
            let use = present()
            use.reason = reason
            phase = .ended
            // Callers may all have come before the bus's answer.
            hasOwned = hasOwned ?? (reason == .limitReached)
            return use
        }
        guard let use else { return false }
        use.sink.finish()
        use.hasOwnedName.set(reason == .limitReached)
        return true
    }

    /// The bus has confirmed the end, or is gone.
    func didGo() {
        let (waiting, bus): (Use?, Bus?) = Self.lock.withLock { _ in
            hasGone = true
            defer { self.bus = nil }
            return (use, self.bus)
        }
        // Let go outside of the lock: it may be the last reference.
        withExtendedLifetime(bus) { _ = waiting?.isGone.set() }
    }

    /// Ends it and gives the name back; the bus has confirmed it when this returns.
    func withdraw(_ reason: Context.EndReason) async {
        let bus: Bus? = Self.lock.withLock { _ in self.bus }
        await bus?.registry.withdraw(self, reason)
    }

    /// The same without waiting.
    func withdrawSoon(_ reason: Context.EndReason) {
        let bus: Bus? = Self.lock.withLock { _ in self.bus }
        bus?.registry.withdrawSoon(self, reason)
    }

    // MARK: Its callers

    /// Calls a closure when the task that takes the events is cancelled: nobody will serve them.
    func onAbandoned(_ call: @escaping @Sendable () -> Void) {
        used { $0.sink }.onTermination = { if case .cancelled = $0 { call() } }
    }

    enum Delivery: Equatable {
        case delivered
        /// Delivered, and it was the last that was wanted.
        case deliveredLast
        case isFull
        case hasEnded
    }

    func deliver(_ event: ConnectEvent) -> Delivery {
        let (delivery, sink): (Delivery, AsyncStream<ConnectEvent>.Continuation) = Self.lock.withLock { _ in
            let use = present()
            if phase == .ended || use.remaining == 0 { return (.hasEnded, use.sink) }
            guard use.waiting.hasSeat(for: event.peer) else { return (.isFull, use.sink) }
            use.waiting.enter(event.peer)
            use.remaining? -= 1
            return (use.remaining == 0 ? .deliveredLast : .delivered, use.sink)
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
        used { $0.waiting.leave(event.peer) }
    }
}

/// How a name was registered.
private final class Terms: Sendable {
    let metadata: [String: String]
    let limit: Int?
    let format: LineFormat
    let flags: BusConnection.RequestNameFlags
    let tap: Tap?
    let admission: Admission

    private static let usual = Terms([:], nil, .messages, .doNotQueue, nil, .sameUser)

    private init(
        _ metadata: [String: String], _ limit: Int?, _ format: LineFormat,
        _ flags: BusConnection.RequestNameFlags, _ tap: Tap?, _ admission: Admission
    ) {
        self.metadata = metadata
        self.limit = limit
        self.format = format
        self.flags = flags
        self.tap = tap
        self.admission = admission
    }

    static func of(
        _ metadata: [String: String], _ limit: Int?, _ format: LineFormat,
        _ flags: BusConnection.RequestNameFlags, _ tap: Tap?, _ admission: Admission
    ) -> Terms {
        if case .sameUser = admission.rule, metadata.isEmpty, limit == nil, format == .messages,
            flags == .doNotQueue, tap == nil
        {
            return usual
        }
        return Terms(metadata, limit, format, flags, tap, admission)
    }
}

/// What a registration has from its first caller, or from the first that waits for something of it.
// @unchecked: what changes is used under the registration's lock.
private final class Use: @unchecked Sendable {
    let terms: Terms
    let activity: ContextActivity
    let events: AsyncStream<ConnectEvent>
    let sink: AsyncStream<ConnectEvent>.Continuation
    let isGone = Latch<Void>()
    let hasOwnedName = Latch<Bool>()
    /// How many more callers are to be admitted; nil is any number.
    var remaining: Int?
    /// Whose connect events wait to be taken.
    var waiting = WaitingRoom()
    /// Why it has ended.
    var reason: Context.EndReason?

    init(_ terms: Terms) {
        self.terms = terms
        activity = ContextActivity(tap: terms.tap)
        remaining = terms.limit
        (events, sink) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(WaitingRoom.seats))
    }
}
