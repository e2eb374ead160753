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
    var presenceLoops: [ObjectIdentifier: LoopQueue<PresenceChange>] = [:]
    var isClosed = false
    /// Keeps what is applied, before it is sent.
    var log: (any StateLog)?
    var peerLoops: [ObjectIdentifier: LoopQueue<PeerChange>] = [:]
    /// Where messages of replication are taken from.
    var listening: [ObjectIdentifier: StateListening] = [:]
    var sharing: Sharing?
    /// Who waits for what an audit of a line finds; nil: the line ended.
    var audits: [Int: Latch<StateAudit?>] = [:]

    init(_ document: Document) {
        replication = Replication(document)
    }

    var document: Document { replication.document }

    /// Does what a step of the replication has brought: keeps it, sends it, and puts its changes before those who hear
    /// of them.
    ///
    /// - Parameter origin: where it comes from.
    /// - Returns: what is to be woken behind the lock.
    mutating func perform(_ effects: Replication.Effects, from origin: StateChange.Origin) -> Wakeups {
        var wakeups = Wakeups()
        if let applied = effects.applied { log?.append(applied, of: document) }
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
        return wakeups
    }
}

/// Keeps what a shared state learns: it is called under the state's lock, in the order in which things are applied, and
/// before anything of it is sent.
protocol StateLog: Sendable {
    /// - Parameter document: as it is with what was applied.
    func append(_ applied: Replication.Applied, of document: Document)
}
