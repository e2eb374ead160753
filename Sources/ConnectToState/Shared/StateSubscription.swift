/// What a sequence and its iterators hold of the queue of one loop: with the last of them the state forgets the queue. It
/// does not keep the state.
final class StateSubscription<Queue: Sendable>: Sendable {
    private weak let state: SharedState?
    let queue: Queue
    private let forget: @Sendable (SharedState, Queue) -> Void

    init(_ state: SharedState, _ queue: Queue, forget: @escaping @Sendable (SharedState, Queue) -> Void) {
        self.state = state
        self.queue = queue
        self.forget = forget
    }

    deinit {
        if let state { forget(state, queue) }
    }
}
