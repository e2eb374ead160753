import ConnectToLinux
import Synchronization

/// Copies the messages on some lines to the ports of observers. From any thread.
///
/// A tap never holds a line up: the line only makes a copy of 64 KiB at the most, and the loop does the rest. For a
/// slow observer 1 MiB waits here, in addition to what its port queues. Beyond that, copies are dropped, and the next
/// copy says how many. There are eight observers at the most. Their ports close when the last reference to the tap
/// goes.
package final class Tap: TrafficRecorder {
    /// How much of a payload is copied, in bytes.
    package static let copyLimit = 64 << 10
    private static let queueLimit = 1 << 20
    private static let observerLimit = 8

    fileprivate struct Observer {
        let port: MessagePort
        /// Each copy, with the number of copies that were dropped before it.
        var queue: [(record: [UInt8], dropped: UInt64)] = []
        var size = 0
        /// Copies dropped since the last one in the queue; the next copy reports the number.
        var dropped: UInt64 = 0
    }

    private struct State {
        var observers: [UInt64: Observer] = [:]
        var nextID: UInt64 = 0
        var deliveryIsDue = false
    }

    private let reactor: Reactor
    private let state = Lock(State())
    private let hasObservers = Atomic(false)

    package init(on loop: EventLoop) {
        reactor = loop.reactor
    }

    /// Whether there is an observer.
    var isWatched: Bool { hasObservers.load(ordering: .relaxed) }

    /// Sends copies to a port from here on, until it ends.
    /// - Returns: `false` where there are too many observers already.
    package func add(_ port: MessagePort) -> Bool {
        let id: UInt64? = state.withLock { state in
            if state.observers.count >= Self.observerLimit { return nil }
            state.nextID += 1
            state.observers[state.nextID] = Observer(port: port)
            hasObservers.store(true, ordering: .relaxed)
            return state.nextID
        }
        guard let id else { return false }
        // Capture the line and not the port: the port has to close together with the tap, which ends the observing in
        // order.
        Task(executorPreference: reactor.tasks) { [weak self, line = port.line] in
            await line.wait(for: .end) { $0.life.reason != nil }
            self?.remove(id)
        }
        return true
    }

    private func remove(_ id: UInt64) {
        // Release the port outside of the lock.
        let observer = state.withLock { state in
            let observer = state.observers.removeValue(forKey: id)
            hasObservers.store(!state.observers.isEmpty, ordering: .relaxed)
            return observer
        }
        withExtendedLifetime(observer) {}
    }

    /// Queues a copy of a message on a line for each observer.
    func record(
        _ direction: TrafficDirection, line: UInt32, _ kind: FrameKind, _ payload: UnsafeRawBufferPointer,
        transferred: Int
    ) {
        guard isWatched else { return }
        let copy = TappedMessage.encode(
            TappedMessage.Direction(direction), line: line, kind, payload, transferred: transferred)
        let mustDeliver = state.withLock { state in
            for id in state.observers.keys {
                state.observers[id]?.enqueue(copy, limit: Self.queueLimit)
            }
            defer { state.deliveryIsDue = true }
            return !state.deliveryIsDue
        }
        if mustDeliver { reactor.execute { [self] in deliver() } }
    }

    /// Posts the queued copies. Runs on the loop, since posting inside of a line's lock is not allowed.
    private func deliver() {
        let batches = state.withLock { state in
            state.deliveryIsDue = false
            let batches = state.observers.map { ($0.key, $0.value) }
            for id in state.observers.keys { state.observers[id]?.empty() }
            return batches
        }
        for (id, observer) in batches {
            var missed: UInt64 = 0
            for (record, dropped) in observer.queue {
                var record = record
                TappedMessage.note(missed: missed + dropped, in: &record)
                do throws(PortError) {
                    try observer.port.postMessage(record)
                    missed = 0
                } catch {
                    missed += dropped + 1
                }
            }
            if missed > 0 { state.withLock { $0.observers[id]?.didMiss(missed) } }
        }
    }
}

extension Traffic {
    /// - Parameter tap: copies the messages to observers; nil where the listener does not allow it.
    package convenience init(recordedBy tap: Tap?) {
        self.init(recorder: tap)
    }
}

extension TappedMessage.Direction {
    fileprivate init(_ direction: TrafficDirection) {
        self = direction == .received ? .received : .sent
    }
}

extension Tap.Observer {
    fileprivate mutating func enqueue(_ copy: [UInt8], limit: Int) {
        if size + copy.count > limit {
            dropped += 1
        } else {
            queue.append((copy, dropped))
            size += copy.count
            dropped = 0
        }
    }

    /// Keeps the number of dropped copies, which is still to be reported.
    fileprivate mutating func empty() {
        queue = []
        size = 0
    }

    /// The port had no room for this many copies, which came before all that are in the queue.
    fileprivate mutating func didMiss(_ count: UInt64) {
        if queue.isEmpty { dropped += count } else { queue[0].dropped += count }
    }
}
