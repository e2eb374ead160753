extension Reactor {
    /// Suspends the task for a time, by the clock of ``schedule(after:_:)``. For short times only, because cancelling
    /// the task does not end the wait.
    package func sleep(for time: Duration) async {
        await withCheckedContinuation { continuation in
            _ = schedule(after: time) { continuation.resume() }
        }
    }
}
