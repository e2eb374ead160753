import Synchronization

/// Which way a message goes on a line, as the listener sees it.
enum TrafficDirection {
    case received, sent
}

/// Copies messages for observers. From any thread, also inside of a line's lock.
protocol TrafficRecorder: AnyObject, Sendable {
    /// Whether there is an observer.
    var isWatched: Bool { get }

    /// - Parameter transferred: how many things were transferred with the message.
    func record(
        _ direction: TrafficDirection, line: UInt32, _ kind: FrameKind, _ payload: UnsafeRawBufferPointer,
        transferred: Int)
}

/// Counts the lines of one listener and the bytes on them. From any thread.
///
/// The bytes include frame headers. A line that the program has detached as a socket, or given away, is not counted
/// further.
package final class Traffic: Sendable {
    private let lines = Atomic<Int>(0)
    private let received = Atomic<UInt64>(0)
    private let sent = Atomic<UInt64>(0)

    /// Copies messages for observers, if the listener allows it.
    private let recorder: (any TrafficRecorder)?
    private let shares = Atomic<UInt32>(0)

    init(recorder: (any TrafficRecorder)? = nil) {
        self.recorder = recorder
    }

    /// The number of lines whose socket this process holds now.
    package var openLines: Int { lines.load(ordering: .relaxed) }
    package var bytesReceived: UInt64 { received.load(ordering: .relaxed) }
    package var bytesSent: UInt64 { sent.load(ordering: .relaxed) }

    /// One line's share of the traffic. The line counts as open for as long as the share lives.
    package final class Share: Sendable {
        private let whole: Traffic
        /// The line's number, counted from 1 in the order in which the lines came.
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

        /// Whether there may be observers at all; this never changes.
        var isTappable: Bool { whole.recorder != nil }
        /// Whether there is an observer.
        var isWatched: Bool { whole.recorder?.isWatched ?? false }

        /// Sends a copy of a message to the observers.
        func record(
            _ direction: TrafficDirection, _ kind: FrameKind, _ payload: UnsafeRawBufferPointer,
            transferred: Int = 0
        ) {
            whole.recorder?.record(direction, line: number, kind, payload, transferred: transferred)
        }

        func didSend(_ count: Int) {
            whole.sent.add(UInt64(count), ordering: .relaxed)
            Counters.didSend(count)
        }
    }
}
