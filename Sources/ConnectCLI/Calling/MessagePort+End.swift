import ConnectTo

extension Messages.AsyncIterator {
    /// The next message, or `nil` at the end of the port. The port's close reason says how it ended.
    mutating func nextUnlessEnded() async -> Message? {
        do { return try await next(isolation: nil) } catch { return nil }
    }
}

extension MessagePort {
    /// Waits until the port has ended, and returns its close reason; in a cancelled task, a reason that says so.
    @discardableResult
    func ended() async -> CloseReason {
        do throws(PortError) {
            return try await waitUntilClosed()
        } catch {
            return CloseReason(.cancelled, detail: error.message)
        }
    }

    /// Ends an open port whose work is interrupted, and waits until the kernel has what was posted.
    ///
    /// After ``finish()`` the peer sees the line break off: a close would tell it that this side was done, and that
    /// messages which it has not taken are no loss.
    func interrupt() async {
        if !hasFinished { close() }
        // An error means that some messages are lost; the port ends in any case.
        try? await flush()
        if hasFinished { abort() }
    }
}
