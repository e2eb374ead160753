import ConnectTo
import ConnectToLinux
import DequeModule

/// A request or event that has arrived and whose handler has not started.
enum Arrival: Sendable {
    case request(
        id: UInt64, key: UInt64, type: String, remaining: UInt32, wantsMany: Bool, Payload, ReceiveWindow.Share)
    case event(type: String, Payload, ReceiveWindow.Share)
}

/// Starts the handlers in the order in which requests and events have arrived.
///
/// A task of its own does it, so that the port's loop never runs a handler: answers, cancels and grants go on being
/// read while handlers compute.
final class Arrivals: Sendable {
    private struct State {
        var waiting: Deque<Arrival> = []
        var isRunning = false
    }

    private let state = Lock(State())

    /// - Parameter start: starts the handler of each arrival, one after the other.
    func append(_ arrival: Arrival, _ start: @escaping @Sendable (Arrival) async -> Void) {
        let mustStart = state.withLock { state in
            state.waiting.append(arrival)
            defer { state.isRunning = true }
            return !state.isRunning
        }
        if mustStart { Task { await self.startAll(start) } }
    }

    /// The line has ended: no more handlers start.
    func end() {
        state.withLock { $0.waiting = [] }
    }

    private func startAll(_ start: @Sendable (Arrival) async -> Void) async {
        while let arrival = next() { await start(arrival) }
    }

    private func next() -> Arrival? {
        state.withLock { state in
            let arrival = state.waiting.popFirst()
            if arrival == nil { state.isRunning = false }
            return arrival
        }
    }
}
