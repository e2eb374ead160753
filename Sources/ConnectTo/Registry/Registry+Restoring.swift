import ConnectToDBus
import ConnectToLinux
import Logging

/// What the registry does when the bus goes, and comes back.
extension Registry {
    /// To be called when the bus has gone, and the names with it.
    func interrupt() {
        exhausted.forget()
        for registration in registrations.values { registration.wasInterrupted() }
    }

    /// Requests all names again, without waiting for one answer before the next request.
    func restore() async {
        await withDiscardingTaskGroup { group in
            for registration in registrations.values where registration.status == .interrupted {
                group.addTask(executorPreference: loop.reactor.tasks) { await self.restore(registration) }
            }
        }
    }

    private func restore(_ registration: Registration) async {
        let deadline = SuspendingClock.now + limits.absence
        while registration.status == .interrupted {
            do throws(ConnectToError) {
                // A process that owns the name now was faster, and is not replaced.
                try await requestName(of: registration, registration.flags.subtracting(.replaceExisting))
            } catch {
                // The bus has gone once more: the next `restore()` requests the name.
                if error.code == .busLost { return }
                // The bus is there and does not answer, which is as good as away: ask again.
                if error.code == .timedOut, SuspendingClock.now < deadline { continue }
                log.warning(
                    "could not register again",
                    metadata: ["name": "\(registration.context.busName)", "why": "\(error)"])
                let reason: Context.EndReason =
                    switch error.code {
                    case .nameTaken: .nameLost
                    case .timedOut: .busLost
                    default: .nameRefused
                    }
                if registration.end(reason) { forget(registration) }
            }
        }
    }
}
