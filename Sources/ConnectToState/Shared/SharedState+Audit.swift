import ConnectToLinux

/// What an audit of one line has found: see ``SharedState/audit(_:)``.
public enum StateAudit: Sendable, Hashable {
    /// Both replicas know the same writes, and hold the same values.
    case same
    /// Something was written meanwhile, so it cannot be said.
    case busy
    /// One of the two lacked writes that it should have been sent. It gets them now.
    case lackedWrites
    /// Both know the same writes, and held different values. What only one of the two held is gone now.
    case differed
}

extension SharedState {
    /// Asks a peer whether it holds the same: two hashes are compared. Where they differ, which should never happen, the
    /// two replicas send each other what they lack, and it is said to the logger.
    ///
    /// - Throws: ``StateError`` with ``StateError/Code/unknownPeer``, ``StateError/Code/lineEnded`` or
    ///   ``StateError/Code/cancelled``.
    public func audit(_ peer: String) async throws(StateError) -> StateAudit {
        let latch = Latch<StateAudit?>()
        let wakeups: Wakeups? = locked { core in
            guard let id = core.lines.first(where: { $0.value.name == peer && $0.value.isOpen })?.key else {
                return nil
            }
            core.audits.updateValue(latch, forKey: id)?.set(.busy)
            let effects = core.replication.audit(id)
            return core.perform(effects, from: .local)
        }
        guard let wakeups else { throw StateError(.unknownPeer, "there is no line to \"\(peer)\"; connect it first") }
        finish(wakeups)
        switch await latch.wait() {
        case .some(.some(let found)): return found
        case .some(nil):
            throw StateError(.lineEnded, "the line to \"\(peer)\" ended before it had answered the audit")
        case nil: throw StateError(.cancelled, "the task that waited for the audit of \"\(peer)\" was cancelled")
        }
    }
}

extension StateCore {
    /// An audit that was begun here or by the other side has found something.
    mutating func audited(_ id: Int, _ result: Replication.AuditResult) -> Wakeups {
        let found: StateAudit =
            switch result {
            case .same: .same
            case .busy: .busy
            case .differentOperations: .lackedWrites
            case .differentValues: .differed
            }
        audits.removeValue(forKey: id)?.set(found)
        var wakeups = Wakeups()
        if found == .lackedWrites || found == .differed { wakeups.findings.append((lines[id]?.name ?? "", found)) }
        return wakeups
    }
}
