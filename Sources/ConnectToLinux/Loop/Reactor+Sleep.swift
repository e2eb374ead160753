extension Reactor {
    /// Waits for so long, as ``schedule(after:_:)`` counts it. Cancelling the task does not end it: for short times.
    package func sleep(for time: Duration) async {
        await withCheckedContinuation { continuation in
            _ = schedule(after: time) { continuation.resume() }
        }
    }
}
