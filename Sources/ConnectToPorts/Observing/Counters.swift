#if Metrics
    import Metrics
#endif

/// Counts what the process's listeners do, for swift-metrics, if the package's trait `Metrics` is on; otherwise these
/// calls do nothing.
///
/// A program has to bootstrap `MetricsSystem` before it registers its first context. From any thread.
package enum Counters {
    #if Metrics
        private static let accepted = Counter(
            label: "connectto_introductions_total", dimensions: [("outcome", "accepted")])
        private static let refused = Counter(
            label: "connectto_introductions_total", dimensions: [("outcome", "refused")])
        private static let open = Meter(label: "connectto_ports_open")
        private static let received = Counter(label: "connectto_received_bytes_total")
        private static let sent = Counter(label: "connectto_sent_bytes_total")

        package static func didAccept() { accepted.increment() }
        package static func didRefuse() { refused.increment() }
        static func didOpen() { open.increment() }
        static func didClose() { open.decrement() }
        static func didReceive(_ bytes: Int) { received.increment(by: bytes) }
        static func didSend(_ bytes: Int) { sent.increment(by: bytes) }
    #else
        package static func didAccept() {}
        package static func didRefuse() {}
        static func didOpen() {}
        static func didClose() {}
        static func didReceive(_ bytes: Int) {}
        static func didSend(_ bytes: Int) {}
    #endif
}
