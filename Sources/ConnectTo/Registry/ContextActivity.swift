import ConnectToPorts
import Synchronization

/// What a context has done since it was registered, counted. From any thread.
final class ContextActivity: Sendable {
    let traffic: Traffic
    /// Copies messages to observers, if the context allows it.
    let tap: Tap?
    private let admitted = Atomic<UInt64>(0)
    private let refused = Atomic<UInt64>(0)

    init(tap: Tap? = nil) {
        self.tap = tap
        traffic = Traffic(recordedBy: tap)
    }

    func didAdmit() {
        admitted.add(1, ordering: .relaxed)
        Counters.didAccept()
    }

    func didRefuse() {
        refused.add(1, ordering: .relaxed)
        Counters.didRefuse()
    }

    func statistics(after uptime: Duration) -> ContextStatistics {
        ContextStatistics(
            uptime: uptime, openPorts: traffic.openLines,
            admitted: admitted.load(ordering: .relaxed), refused: refused.load(ordering: .relaxed),
            bytesReceived: traffic.bytesReceived, bytesSent: traffic.bytesSent,
            isTappable: tap != nil)
    }
}
