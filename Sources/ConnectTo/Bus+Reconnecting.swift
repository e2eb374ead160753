import ConnectToDBus
import ConnectToLinux

/// What happens when the bus goes away, and when it is back.
extension Bus {
    /// Called on the loop when the connection was lost and all pending calls have been settled.
    func didDisconnect(_ error: DBusError) {
        let limit = limits.absence
        interrupt()
        // Where the bus goes once more while it is being restored, `restore()` notices that.
        guard board.set(.reconnecting) else { return }
        // Weakly: a bus that the program has dropped need not come back.
        Task(executorPreference: loop.reactor.tasks) { [weak self, reactor = loop.reactor] in
            let deadline = SuspendingClock.now + limit
            var backoff = Backoff(from: .milliseconds(10), to: .milliseconds(100))
            var last = error
            while true {
                let remaining = SuspendingClock.now.duration(to: deadline)
                if remaining <= .zero { break }
                await reactor.sleep(for: min(backoff.next(), remaining))
                guard let bus = self, bus.status != .lost else { return }
                do throws(DBusError) {
                    try await bus.connection.reopen(
                        deadline: min(BusConnection.busDeadline, max(.milliseconds(100), remaining)))
                    if await bus.restore() { return }
                    await bus.interruptAgain()
                } catch {
                    last = error
                }
            }
            await self?.giveUp(last, after: limit)
        }
    }

    /// Forgets what was learnt of the connections on this bus, before the next bus gives the same names to others.
    private func interrupt() {
        identities.assumeIsolated { $0.forget() }
        registry.assumeIsolated { $0.interrupt() }
        watch.assumeIsolated { $0.interrupt() }
    }

    private func interruptAgain() async {
        await identities.forget()
        await registry.interrupt()
        await watch.interrupt()
    }

    /// Restores the names first: other programs wait for them.
    /// - Returns: whether all is in force again; false where the bus has gone once more meanwhile.
    private func restore() async -> Bool {
        await registry.restore()
        await watch.restore()
        return await connection.whileConnected { [board] in _ = board.set(.connected) }
    }

    private func giveUp(_ error: DBusError, after limit: Duration) async {
        await end(
            ConnectToError(
                .busLost,
                """
                the bus at \(address) went away and did not come back within \(limit) (\(error.message)); open it \
                when it runs
                """,
                cause: error))
    }

    /// Tells everything that needs the bus that the connection is over.
    func end(_ error: ConnectToError) async {
        await registry.endAll()
        await connection.close()
        await watch.end(.disconnected(error.message))
        board.set(.lost)
        loss.set(error)
    }
}

extension BusConnection {
    /// Runs a closure at a moment at which there is a connection, or not at all.
    fileprivate func whileConnected(_ body: @Sendable () -> Void) -> Bool {
        if !isConnected { return false }
        body()
        return true
    }
}
