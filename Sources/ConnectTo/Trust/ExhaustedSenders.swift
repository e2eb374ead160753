import ConnectToDBus
import ConnectToLinux

/// Senders that have no introductions left just now. A call of theirs that wants no answer is counted and forgotten,
/// for next to nothing: a flood of those comes as fast as the bus carries it, and honest callers wait behind it.
final class ExhaustedSenders: Sendable {
    private struct Exhausted {
        let path: String
        let activity: ContextActivity
        let recovery: SuspendingClock.Instant
    }

    /// How many are kept; over it all are forgotten. They are found again, at the usual cost.
    private static let capacity = 256

    /// By unique name, with the context that each called last.
    private let senders = Lock<[String: Exhausted]>([:])

    /// Remembers who has made a call, until it has an introduction again.
    func add(_ call: MethodCall, _ activity: ContextActivity, until recovery: SuspendingClock.Instant) {
        if call.expectsReply { return }
        senders.withLock { senders in
            if senders.count >= Self.capacity { senders = [:] }
            senders[call.sender] = Exhausted(path: call.path, activity: activity, recovery: recovery)
        }
    }

    /// The bus has gone: the next one gives the same names to others.
    func forget() {
        senders.withLock { $0 = [:] }
    }

    /// - Returns: whether the call is done with.
    func turnAway(_ call: borrowing CallHead, now: SuspendingClock.Instant = .now) -> Bool {
        if call.expectsReply { return false }
        let sender = call.sender
        let exhausted: Exhausted? = senders.withLock { senders in
            guard let known = senders[sender] else { return nil }
            if now < known.recovery { return known }
            senders[sender] = nil
            return nil
        }
        guard let exhausted, call.isCall(of: "Connect", at: exhausted.path) else { return false }
        exhausted.activity.didRefuse()
        return true
    }
}
