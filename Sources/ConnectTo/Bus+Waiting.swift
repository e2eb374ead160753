import ConnectToLinux

extension Bus {
    /// How long a program waits for a bus that is away.
    private static let reconnectTimeout = Duration.seconds(10)

    /// Does work that needs the bus, and repeats it when a bus that has gone is back. Only for work whose effect ends
    /// with the connection, so that it can be done twice.
    ///
    /// - Parameter operation: what is being done, for the error's message.
    func retryingWhenBack<Result: Sendable>(
        _ operation: String, _ work: @Sendable () async throws(ConnectToError) -> Result
    ) async throws(ConnectToError) -> Result {
        let deadline = SuspendingClock.now + Self.reconnectTimeout
        var backoff = Backoff(from: .milliseconds(10), to: .milliseconds(100))
        while true {
            do throws(ConnectToError) {
                return try await work()
            } catch {
                if error.code != .busLost || isLost { throw error }
                if Task.isCancelled { throw ConnectToError(.cancelled, "\(operation) was cancelled") }
                if SuspendingClock.now >= deadline {
                    throw ConnectToError(
                        .busLost,
                        """
                        \(operation) failed: the bus at \(address) is away, and did not come back within \
                        \(Self.reconnectTimeout); try again when its status is connected
                        """, cause: error)
                }
            }
            await loop.reactor.sleep(for: backoff.next())
        }
    }
}
