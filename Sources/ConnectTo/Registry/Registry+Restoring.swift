import ConnectToDBus
import ConnectToLinux
import Logging

/// The bus goes, and comes back.
extension Registry {
    /// The bus has gone, and the names with it.
    func interrupt() {
        exhausted.forget()
        for registration in registrations.values { registration.wasInterrupted() }
    }

    /// Asks for all names again, without waiting for one answer before the next request.
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
                // Whoever has it now was faster, and is not replaced for that.
                try await requestName(of: registration, registration.flags.subtracting(.replaceExisting))
            } catch {
                // Gone once more: the next time.
                if error.code == .busLost { return }
                // There, and no answer: as good as away.
                if error.code == .timedOut, SuspendingClock.now < deadline { continue }
                log.warning("not registered again", metadata: ["why": "\(error)"])
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
