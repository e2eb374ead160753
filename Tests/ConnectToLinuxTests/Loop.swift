import ConnectToLinux

extension Reactor {
    /// One loop for all tests that do not need one of their own: a loop lives as long as its process.
    static let shared = Result { try Reactor(name: "test-loop") }

    /// Runs a closure on the loop and waits for what it returns.
    func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            execute { continuation.resume(returning: body()) }
        }
    }

    /// Waits for a time to go by, on this loop's timer.
    func wait(for delay: Duration) async {
        await withCheckedContinuation { continuation in
            _ = schedule(after: delay) { continuation.resume() }
        }
    }
}

/// What happened, in order, told from any thread.
final class Record<Entry: Sendable & Equatable>: Sendable {
    private let state = Lock<[Entry]>([])

    func callAsFunction(_ entry: Entry) {
        state.withLock { $0.append(entry) }
    }

    var entries: [Entry] { state.withLock { $0 } }
}
