import ConnectToLinux

/// A bound on the work that runs at once: one task takes a slot for each piece of work, and waits while all are
/// taken.
final class Slots: Sendable {
    private struct State {
        var free: Int
        var waiting: CheckedContinuation<Void, Never>?
    }

    private let state: Lock<State>

    init(_ count: Int) {
        state = Lock(State(free: count))
    }

    /// Takes a slot, once there is one. For one task at a time. Cancelling the task does not end the wait: the work
    /// that has the slots is cancelled with it, and gives them back.
    func take() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                if state.free == 0 {
                    state.waiting = continuation
                    return false
                }
                state.free -= 1
                return true
            }
            if isFree { continuation.resume() }
        }
    }

    func giveBack() {
        let next: CheckedContinuation<Void, Never>? = state.withLock { state in
            defer { state.waiting = nil }
            if state.waiting == nil { state.free += 1 }
            return state.waiting
        }
        next?.resume()
    }
}
