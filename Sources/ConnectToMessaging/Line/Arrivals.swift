import ConnectTo
import ConnectToLinux
import DequeModule

/// A request or event that has arrived and whose handler has not started.
enum Arrival: Sendable {
    case request(
        id: UInt64, key: UInt64, type: String, remaining: UInt32, wantsMany: Bool, Payload, ReceiveWindow.Share)
    case event(type: String, Payload, ReceiveWindow.Share)
}

/// The requests and events whose handlers have not started, in the order of their arrival.
///
/// A task of its own starts the handlers, so that the port's loop runs none: answers, cancels and grants go on being
/// read while handlers compute.
final class Arrivals: Sendable {
    private struct State {
        var waiting: Deque<Arrival> = []
        var isRunning = false
    }

    private let state = Lock(State())

    /// - Returns: whether a task has to be started, to take arrivals until there are none.
    func append(_ arrival: Arrival) -> Bool {
        state.withLock { state in
            state.waiting.append(arrival)
            defer { state.isRunning = true }
            return !state.isRunning
        }
    }

    /// The next one; nil where there is none, and then the task has to end.
    func next() -> Arrival? {
        state.withLock { state in
            let arrival = state.waiting.popFirst()
            if arrival == nil { state.isRunning = false }
            return arrival
        }
    }

    /// The line has ended: no more handlers start.
    func end() {
        state.withLock { $0.waiting = [] }
    }
}
