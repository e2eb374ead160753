import ConnectToLinux

extension Reactor {
    /// One loop for all tests that do not need one of their own, because a loop's thread never ends.
    static let shared = Result { try Reactor(name: "test-loop") }

    /// Runs a closure on the loop and waits for its result.
    func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            execute { continuation.resume(returning: body()) }
        }
    }

    /// Waits for a time, with a timer of this loop.
    func wait(for delay: Duration) async {
        await withCheckedContinuation { continuation in
            _ = schedule(after: delay) { continuation.resume() }
        }
    }
}

/// A list of events in order, to which any thread can add.
final class Record<Entry: Sendable & Equatable>: Sendable {
    private let state = Lock<[Entry]>([])

    func callAsFunction(_ entry: Entry) {
        state.withLock { $0.append(entry) }
    }

    var entries: [Entry] { state.withLock { $0 } }
}
