import ConnectToLinux
import DequeModule

/// Tells all loops over a pool's events what happens to its workers.
final class EventBoard: Sendable {
    private struct State {
        var queues: [ObjectIdentifier: WorkerEventQueue] = [:]
        /// The last event of each worker that is there, by number: what a loop hears that begins.
        var present: [Int: WorkerEvent] = [:]
        var isOver = false
    }

    private let state = Lock(State())

    func beginLoop() -> WorkerEventQueue {
        state.withLock { state in
            let queue = WorkerEventQueue(state.present.sorted { $0.key < $1.key }.map(\.value))
            if state.isOver { queue.end() } else { state.queues[ObjectIdentifier(queue)] = queue }
            return queue
        }
    }

    func endLoop(_ queue: WorkerEventQueue) {
        state.withLock { _ = $0.queues.removeValue(forKey: ObjectIdentifier(queue)) }
    }

    func post(_ event: WorkerEvent) {
        let queues = state.withLock { state in
            switch event {
            case .started(let number): state.present[number] = event
            case .ready(let worker): state.present[worker.number] = event
            case .failed(let number, _): state.present[number] = nil
            case .exited(let worker, _): state.present[worker.number] = nil
            case .broken: break
            }
            // Under the lock, so that all hear the same order; the loops are woken behind it.
            for queue in state.queues.values { queue.append(event) }
            return Array(state.queues.values)
        }
        for queue in queues { queue.wake() }
    }

    /// No more will come.
    func end() {
        let queues = state.withLock { state in
            state.isOver = true
            defer { state.queues = [:] }
            return Array(state.queues.values)
        }
        for queue in queues { queue.end() }
    }
}

/// The events that one loop has not taken yet.
///
/// Above ``limit`` a worker that has come and gone before the loop has looked is not told at all. So what waits is
/// bounded by the limit and by how many workers there are, and what the loop knows never contradicts itself.
typealias WorkerEventQueue = LoopQueue<WorkerEvent>

extension WorkerEventQueue {
    static var limit: Int { 4_096 }

    /// Adds an event, without waking the loop.
    func append(_ event: WorkerEvent) {
        change { events in
            if events.count >= Self.limit {
                switch event {
                case .failed, .exited:
                    // What still waits of its beginning goes too, if it all waits.
                    if let start = events.firstIndex(where: { $0.worker == event.worker }),
                        case .started = events[start]
                    {
                        events.removeAll { $0.worker == event.worker }
                        return
                    }
                case .broken:
                    events.removeAll { if case .broken = $0 { true } else { false } }
                case .started, .ready: break
                }
            }
            events.append(event)
        }
    }
}
