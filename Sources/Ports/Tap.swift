import LinuxIO
import Synchronization

/// Where copies of the messages on some lines go: to the ports of those who look on. From any thread.
///
/// It never holds a line up: what a line costs is a copy of 64 KiB at the most; the rest is done on the loop.
/// Of a slow looker-on 1 MiB waits here, and what its port queues beyond that; over it copies are
/// dropped, and the next one says how many. Up to eight look on at once. Their ports close with its last reference.
package final class Tap: Sendable {
    /// How much of a payload is copied, in bytes.
    package static let copyLimit = 64 << 10
    private static let queueLimit = 1 << 20
    private static let lookersOn = 8

    package enum Direction: UInt8, Sendable {
        /// To the listener.
        case received = 1
        /// From the listener.
        case sent = 2
    }

    fileprivate struct Looker {
        let port: MessagePort
        var queue: [[UInt8]] = []
        var size = 0
        /// Since the last copy that went out.
        var dropped: UInt64 = 0
    }

    private struct State {
        var lookers: [UInt64: Looker] = [:]
        var nextID: UInt64 = 0
        var deliveryIsDue = false
    }

    private let reactor: Reactor
    private let state = Lock(State())
    private let hasLookers = Atomic(false)

    package init(on loop: EventLoop) {
        reactor = loop.reactor
    }

    /// Whether anybody looks on.
    var isWatched: Bool { hasLookers.load(ordering: .relaxed) }

    /// Sends copies to a port from here on, until it ends.
    /// - Returns: False where too many look on already.
    package func add(_ port: MessagePort) -> Bool {
        let id: UInt64? = state.withLock { state in
            if state.lookers.count >= Self.lookersOn { return nil }
            state.nextID += 1
            state.lookers[state.nextID] = Looker(port: port)
            hasLookers.store(true, ordering: .relaxed)
            return state.nextID
        }
        guard let id else { return false }
        // The line, not the port: that is to go with this, which ends the looking on in order.
        Task(executorPreference: reactor.tasks) { [weak self, line = port.line] in
            await line.wait(for: .end) { $0.life.reason != nil }
            self?.remove(id)
        }
        return true
    }

    private func remove(_ id: UInt64) {
        // The port is let go outside of the lock.
        let looker = state.withLock { state in
            let looker = state.lookers.removeValue(forKey: id)
            hasLookers.store(!state.lookers.isEmpty, ordering: .relaxed)
            return looker
        }
        withExtendedLifetime(looker) {}
    }

    /// Takes note of a message on a line.
    func record(
        _ direction: Direction, line: UInt32, _ kind: FrameKind, _ payload: UnsafeRawBufferPointer,
        transferred: Int
    ) {
        guard isWatched else { return }
        let copy = TapRecord.encode(direction, line: line, kind, payload, transferred: transferred)
        let mustDeliver = state.withLock { state in
            for id in state.lookers.keys {
                state.lookers[id]?.take(copy, limit: Self.queueLimit)
            }
            defer { state.deliveryIsDue = true }
            return !state.deliveryIsDue
        }
        if mustDeliver { reactor.execute { [self] in deliver() } }
    }

    /// On the loop: nothing is posted inside of a line's lock.
    private func deliver() {
        let batches = state.withLock { state in
            state.deliveryIsDue = false
            let batches = state.lookers.map { ($0.key, $0.value) }
            for id in state.lookers.keys { state.lookers[id]?.empty() }
            return batches
        }
        for (id, looker) in batches {
            var dropped = looker.dropped
            for var record in looker.queue {
                TapRecord.note(dropped: dropped, in: &record)
                do throws(PortError) {
                    try looker.port.postMessage(record)
                    dropped = 0
                } catch {
                    dropped += 1
                }
            }
            if dropped > 0 { state.withLock { $0.lookers[id]?.dropped += dropped } }
        }
    }
}

extension Tap.Looker {
    fileprivate mutating func take(_ copy: [UInt8], limit: Int) {
        if size + copy.count > limit {
            dropped += 1
        } else {
            queue.append(copy)
            size += copy.count
        }
    }

    fileprivate mutating func empty() {
        queue = []
        size = 0
        dropped = 0
    }
}
