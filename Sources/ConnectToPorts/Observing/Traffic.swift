import Synchronization

/// What goes over the lines of one listener, counted. From any thread.
///
/// Bytes are those on the lines, frame headers included. Lines that a program has taken as sockets, or given away,
/// are counted no further.
package final class Traffic: Sendable {
    private let lines = Atomic<Int>(0)
    private let received = Atomic<UInt64>(0)
    private let sent = Atomic<UInt64>(0)

    /// Where copies of the messages go, if the listener allows it.
    package let tap: Tap?
    private let shares = Atomic<UInt32>(0)

    package init(tap: Tap? = nil) {
        self.tap = tap
    }

    /// Lines whose socket is held here now.
    package var openLines: Int { lines.load(ordering: .relaxed) }
    package var bytesReceived: UInt64 { received.load(ordering: .relaxed) }
    package var bytesSent: UInt64 { sent.load(ordering: .relaxed) }

    /// One line's part in it, which counts as open for as long as it lives.
    package final class Share: Sendable {
        private let whole: Traffic
        /// From 1, in the order in which the lines came.
        private let number: UInt32

        package init(of whole: Traffic) {
            self.whole = whole
            number = whole.shares.wrappingAdd(1, ordering: .relaxed).newValue
            whole.lines.add(1, ordering: .relaxed)
            Counters.didOpen()
        }

        deinit {
            whole.lines.subtract(1, ordering: .relaxed)
            Counters.didClose()
        }

        func didReceive(_ count: Int) {
            whole.received.add(UInt64(count), ordering: .relaxed)
            Counters.didReceive(count)
        }

        /// Whether there may be observers: settled for good.
        var isTappable: Bool { whole.tap != nil }
        /// Whether there is an observer.
        var isWatched: Bool { whole.tap?.isWatched ?? false }

        /// A message of which observers are to know.
        func record(
            _ direction: TappedMessage.Direction, _ kind: FrameKind, _ payload: UnsafeRawBufferPointer,
            transferred: Int = 0
        ) {
            whole.tap?.record(direction, line: number, kind, payload, transferred: transferred)
        }

        func didSend(_ count: Int) {
            whole.sent.add(UInt64(count), ordering: .relaxed)
            Counters.didSend(count)
        }
    }
}
