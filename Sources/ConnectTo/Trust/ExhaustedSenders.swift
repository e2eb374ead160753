import ConnectToDBus
import ConnectToLinux

/// Senders that have no introductions left just now. A call of theirs that expects no reply is counted and dropped,
/// at almost no cost: a flood of such calls comes as fast as the bus carries it, and honest callers wait behind it.
final class ExhaustedSenders: Sendable {
    private struct Exhausted {
        let path: String
        let activity: ContextActivity
        let recovery: SuspendingClock.Instant
    }

    /// Above this many senders all are forgotten. They are found again, at the usual cost.
    private static let capacity = 256

    /// By unique name, with the context that each called last.
    private let senders = Lock<[String: Exhausted]>([:])

    /// Remembers the sender of a call until it has an introduction again.
    func add(_ call: MethodCall, _ activity: ContextActivity, until recovery: SuspendingClock.Instant) {
        if call.expectsReply { return }
        senders.withLock { senders in
            if senders.count >= Self.capacity { senders = [:] }
            senders[call.sender] = Exhausted(path: call.path, activity: activity, recovery: recovery)
        }
    }

    /// To be called when the bus has gone: the next bus gives the same unique names to other connections.
    func forget() {
        senders.withLock { $0 = [:] }
    }

    /// - Returns: whether nothing more is to be done for the call.
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
