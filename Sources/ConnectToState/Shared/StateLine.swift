import ConnectTo
import ConnectToLinux
import ConnectToMessaging
import DequeModule

/// A line to another replica, or to a program that has none and asks.
///
/// What the other side has not taken is bounded: above ``window`` bytes nothing more is sent, and the other side gets
/// the difference when it has taken all. How far it has come it says itself, by the answer to a barrier.
struct StateLine: Sendable {
    /// How many bytes may be on the way.
    static let window = 1 << 20

    let name: String
    let messenger: Messenger
    /// Whether it has come by ``SharedState/share(as:on:options:)``, and ends with that.
    let isShared: Bool
    /// Whether this side has begun to replicate. The side that serves waits for the other's first message, so that a
    /// program that only asks hears nothing.
    var isOpen = false
    var assembly: MessageAssembly
    var isSynchronized = false
    /// True once all has come that the other side had at the beginning; false where the line ended before.
    let synchronized = Latch<Bool>()
    /// Bytes that were sent since the beginning, and those of which it is known that they were taken.
    private(set) var sent = 0
    private var taken = 0
    private var hasBarrier = false
    /// What is sent as soon as the other side has taken enough.
    private var backlog: Deque<(event: String, message: OutgoingMessage)> = []
    private(set) var backlogBytes = 0
    /// Whether the replication sends nothing on the line until the backlog is gone.
    var isPaused = false

    init(_ name: String, _ messenger: Messenger, isShared: Bool, limits: StateLimits) {
        self.name = name
        self.messenger = messenger
        self.isShared = isShared
        assembly = MessageAssembly(limits: limits)
    }

    var hasBacklog: Bool { !backlog.isEmpty }

    /// Sends at once, or behind what waits.
    mutating func send(_ message: OutgoingMessage, as event: String = StateProtocol.replication) {
        if backlog.isEmpty, post(message, event) { return }
        backlog.append((event, message))
        backlogBytes += message.count
    }

    /// - Returns: false where the message has to wait.
    private mutating func post(_ message: OutgoingMessage, _ event: String) -> Bool {
        if sent - taken >= Self.window { return false }
        do {
            // False: the line is over, which is told by itself.
            _ = try messenger.post(event, message)
            sent += message.count
            return true
        } catch {
            return error.code != .queueFull
        }
    }

    /// The bytes up to which the other side is to be asked now whether it has taken them; nil: it need not be.
    mutating func barrier() -> Int? {
        if hasBarrier || (backlog.isEmpty && sent - taken < Self.window / 4) { return nil }
        hasBarrier = true
        return sent
    }

    /// The other side has taken what was sent up to there; what waits goes out as far as it may.
    mutating func taken(upTo bytes: Int) {
        hasBarrier = false
        taken = bytes
        while let next = backlog.first, post(next.message, next.event) {
            backlog.removeFirst()
            backlogBytes -= next.message.count
        }
    }
}

/// The names of `dbus/STATE.md`.
enum StateProtocol {
    /// An event with a piece of a message between replicas.
    static let replication = "state"
    /// An event with small values that vanish with their program.
    static let presence = "state/presence"
    /// An event that says why the line is about to end: a sentence.
    static let refused = "state/refused"
}

/// The handlers on which a state takes messages of replication.
struct StateListening: Sendable {
    let subscriptions: [Subscription]
    /// How many lines of the program's use them; nil: they serve whoever comes.
    var lines: Int?
}
