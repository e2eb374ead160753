import ConnectToLinux
import ConnectToMessaging

/// What a step of a shared state wants done behind its lock.
struct Wakeups: Sendable {
    var loops: [ChangeQueue] = []
    var texts: [TextFeed] = []
    var presence: [LoopQueue<PresenceChange>] = []
    var peers: [LoopQueue<PeerChange>] = []
    /// Lines on which the other side is asked how far it has come.
    var barriers: [(line: Int, messenger: Messenger, upTo: Int)] = []
    /// Lines that have to end, and the sentence for the other side.
    var refused: [(messenger: Messenger, peer: String, reason: String)] = []
    /// Lines whose other side has sent all that it had.
    var synchronized: [Latch<Bool>] = []

    /// What audits have found that should not be.
    var findings: [(peer: String, found: StateAudit)] = []

    mutating func add(_ other: Wakeups) {
        loops += other.loops
        texts += other.texts
        presence += other.presence
        peers += other.peers
        barriers += other.barriers
        refused += other.refused
        synchronized += other.synchronized
        findings += other.findings
    }
}
