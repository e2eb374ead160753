import ConnectTo
import ConnectToLinux
import ConnectToMessaging

/// What a shared state is, under its lock.
struct StateCore: Sendable {
    var replication: Replication
    var lines: [Int: StateLine] = [:]
    var lineIDs: [ObjectIdentifier: Int] = [:]
    var lastLine = 0
    var presence = PresenceTable()
    var loops: [ObjectIdentifier: ChangeQueue] = [:]
    var textFeeds: [StateKey: [ObjectIdentifier: TextFeed]] = [:]
    var presenceLoops: [ObjectIdentifier: LoopQueue<PresenceChange>] = [:]
    var isClosed = false
    /// Keeps what is applied, before it is sent.
    var log: (any StateLog)?
    /// What was damaged in the file when it was loaded.
    var damage: StateDamage?
    var peerLoops: [ObjectIdentifier: LoopQueue<PeerChange>] = [:]
    /// Where messages of replication are taken from.
    var listening: [ObjectIdentifier: StateListening] = [:]
    var sharing: Sharing?
    /// Who waits for what an audit of a line finds; nil: the line ended.
    var audits: [Int: Latch<StateAudit?>] = [:]

    /// How many removals are told one by one. A replica that lacks an older one gets everything when it comes back.
    private static let removalsTold = 1_024

    init(_ document: Document, log: (any StateLog)?) {
        replication = Replication(document)
        self.log = log
    }

    var document: Document { replication.document }

    /// Does what a step of the replication has brought: keeps it, sends it, and puts its changes before those who hear
    /// of them.
    ///
    /// - Parameters:
    ///   - origin: where it comes from.
    ///   - isKept: whether the log has it already.
    /// - Returns: what is to be woken behind the lock.
    mutating func perform(
        _ effects: Replication.Effects, from origin: StateChange.Origin, isKept: Bool = false
    ) -> Wakeups {
        var wakeups = Wakeups()
        if !isKept, let log, let applied = effects.applied {
            // What others have is not refused for the file's sake: the log says by itself that it is missing there.
            try? log.append(applied, of: document, isOwn: origin == .local)
        }
        if effects.applied != nil { replication.forgetRemovals(keeping: Self.removalsTold) }
        for (ids, message) in effects.messages {
            let pieces = MessagePieces.cut(message.encoded()).map { OutgoingMessage.bytes($0) }
            for id in ids { wakeups.add(send(pieces, on: id)) }
        }
        if !effects.changes.isEmpty, !loops.isEmpty {
            let changes = effects.changes.map { change in
                StateChange(
                    path: change.path, old: change.old, new: change.new, origin: origin, conflicts: change.conflicts)
            }
            for loop in loops.values {
                loop.append(changes)
                wakeups.loops.append(loop)
            }
        }
        wakeups.texts += tell(effects.textChanges)
        return wakeups
    }
}

extension StateCore {
    /// Writes values at the same time.
    ///
    /// - Throws: ``StateError``, and nothing was written.
    mutating func write(
        _ writes: [(path: StatePath, value: StateValue?)], from origin: StateChange.Origin
    ) throws(StateError) -> Wakeups {
        var writing: Writing
        do throws(StateViolation) {
            if log == nil { return perform(try replication.write(writes, now: SharedState.now), from: origin) }
            writing = document.beginWriting(now: SharedState.now)
            for (path, value) in writes { try writing.write(path, value) }
        } catch {
            throw StateError(error)
        }
        return try commit(writing, from: origin)
    }

    /// Ends a transaction that was begun with the document as it is.
    ///
    /// - Throws: ``StateError`` of the log, and nothing was written.
    mutating func commit(_ writing: consuming Writing, from origin: StateChange.Origin) throws(StateError) -> Wakeups {
        if let log, !writing.operations.isEmpty {
            try log.append(.operations(writing.operations), of: document, isOwn: true)
        }
        return perform(replication.commit(writing), from: origin, isKept: true)
    }
}
