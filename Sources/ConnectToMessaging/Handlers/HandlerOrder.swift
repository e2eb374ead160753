import ConnectToLinux
import DequeModule

/// Whether the handler of one type runs for several requests or events at the same time.
public enum HandlerOrder: Sendable {
    /// It starts as soon as its turn to start has come, whether or not an earlier one still runs.
    case concurrent
    /// It starts when the one before it has returned, on whatever line that was. Requests that wait for it keep their
    /// places and events their part of the window, so that a slow handler slows its callers down.
    ///
    /// A handler that runs one at a time must not wait for something that it does itself later: not for an answer of a
    /// program that sends the same request from its own handler.
    case oneAtATime
}

/// Lets tasks pass one at a time, in the order in which they have come.
final class Turnstile: Sendable {
    private struct State {
        var isTaken = false
        var waiting: Deque<UnsafeContinuation<Void, Never>> = []
    }

    private let state = Lock(State())

    func pass<Result>(_ body: () async -> Result) async -> Result {
        await enter()
        defer { leave() }
        return await body()
    }

    private func enter() async {
        // A task that starts immediately takes its place in the queue before the next one starts.
        await withUnsafeContinuation { continuation in
            let isNext = state.withLock { state in
                if !state.isTaken {
                    state.isTaken = true
                    return true
                }
                state.waiting.append(continuation)
                return false
            }
            if isNext { continuation.resume() }
        }
    }

    private func leave() {
        let next = state.withLock { state in
            let next = state.waiting.popFirst()
            if next == nil { state.isTaken = false }
            return next
        }
        next?.resume()
    }
}
