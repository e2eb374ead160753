import ConnectTo
import ConnectToLinux
import DequeModule
import Synchronization

/// A request or event that has arrived and whose handler has not started.
enum Arrival: Sendable {
    case request(
        id: UInt64, key: UInt64, type: String, remaining: UInt32, wantsMany: Bool, Payload, ReceiveWindow.Share)
    /// The type stands in the message in which the payload came, and has been checked.
    case event(Payload, ReceiveWindow.Share)

    var share: ReceiveWindow.Share {
        switch self {
        case .request(_, _, _, _, _, _, let share), .event(_, let share): share
        }
    }
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
    /// The line has ended: no more handlers start.
    let haveEnded = Atomic(false)

    /// - Returns: whether a task has to be started, to take arrivals until there are none.
    func append(_ arrival: Arrival) -> Bool {
        state.withLock { state in
            state.waiting.append(arrival)
            defer { state.isRunning = true }
            return !state.isRunning
        }
    }

    /// All that wait, so that the loop and the task meet once for many; empty where there are none, and then the task
    /// has to end.
    func next() -> Deque<Arrival> {
        state.withLock { state in
            let arrivals = state.waiting
            state.waiting = []
            if arrivals.isEmpty { state.isRunning = false }
            return arrivals
        }
    }

    /// The line has ended.
    ///
    /// - Returns: the parts of the window that belong to what is dropped.
    func end() -> [ReceiveWindow.Share] {
        haveEnded.store(true, ordering: .relaxed)
        return state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting.map(\.share)
        }
    }
}
