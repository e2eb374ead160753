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
final class WorkerEventQueue: Sendable {
    static let limit = 4_096

    private struct State {
        var events: Deque<WorkerEvent> = []
        var isOver = false
    }

    private let state: Lock<State>
    private let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    init(_ first: [WorkerEvent]) {
        state = Lock(State(events: Deque(first)))
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Adds an event, without waking the loop.
    func append(_ event: WorkerEvent) {
        state.withLock { state in
            if state.events.count >= Self.limit {
                switch event {
                case .failed, .exited:
                    // Its start still waits: all of it goes. Looked for from the end, where it mostly is.
                    if let start = state.events.lastIndex(where: { $0.isStart(of: event.worker) }) {
                        for index in (start..<state.events.count).reversed()
                        where state.events[index].worker == event.worker {
                            state.events.remove(at: index)
                        }
                        return
                    }
                case .broken:
                    state.events.removeAll { if case .broken = $0 { true } else { false } }
                case .started, .ready: break
                }
            }
            state.events.append(event)
        }
    }

    func wake() {
        signal.yield()
    }

    /// No more will come; what waits can still be taken.
    func end() {
        state.withLock { $0.isOver = true }
        signal.finish()
    }

    func next(isolation actor: isolated (any Actor)? = #isolation) async -> WorkerEvent? {
        var iterator = signals.makeAsyncIterator()
        while !Task.isCancelled {
            let (event, isOver) = state.withLock { ($0.events.popFirst(), $0.isOver) }
            if let event { return event }
            if isOver { return nil }
            await iterator.next(isolation: actor)
        }
        return nil
    }
}

extension WorkerEvent {
    fileprivate func isStart(of number: Int?) -> Bool {
        if case .started(let started) = self { started == number } else { false }
    }
}
