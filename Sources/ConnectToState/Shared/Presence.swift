import ConnectToLinux

/// What the replicas of a state say of themselves just now: a cursor, a selection, "is typing". It is none of the
/// state's values, goes with its program, and is in no file.
///
/// ```swift
/// try notes.presence.set("cursor", to: 17)
/// for (replica, values) in notes.presence.others { draw(values["cursor"], of: replica) }
/// ```
///
/// It goes over the same lines as the values, also from line to line. When a program ends, or is cut off, what it has
/// said is gone at the others as soon as they see the end of its line.
public struct Presence: Sendable {
    let state: SharedState

    /// Says something of this replica. The newest value of a key counts, and a slow replica hears of no other.
    public func set(_ key: String, to value: StateValue) { write(key, value) }

    /// Says something of any `Encodable` type.
    ///
    /// - Throws: ``StateError`` with ``StateError/Code/notEncodable``.
    public func set<Value: Encodable>(_ key: String, to value: Value) throws(StateError) {
        write(key, try StateValue(encoding: value))
    }

    /// Takes back what this replica has said.
    public func remove(_ key: String) { write(key, nil) }

    private func write(_ key: String, _ value: StateValue?) {
        state.finish(state.locked { $0.setPresence(key, to: value) })
    }

    /// What this replica has said.
    public var own: [String: StateValue] {
        state.locked { core in core.presence.values(of: core.document.replica) ?? [:] }
    }

    /// What the others say: all that have said anything and can be reached.
    public var others: [ReplicaID: [String: StateValue]] {
        state.locked { core in core.presence.others(than: core.document.replica) }
    }

    /// What others say of themselves from now on, and who is gone.
    public var changes: PresenceChanges {
        let queue = LoopQueue<PresenceChange>([])
        state.locked { core in
            if core.isClosed { queue.end() } else { core.presenceLoops[ObjectIdentifier(queue)] = queue }
        }
        return PresenceChanges(subscription: StateSubscription(state, queue) { $0.forget($1) })
    }
}

extension SharedState {
    /// What the replicas say of themselves just now.
    public var presence: Presence { Presence(state: self) }

    func forget(_ queue: LoopQueue<PresenceChange>) {
        locked { $0.presenceLoops[ObjectIdentifier(queue)] = nil }
    }
}

/// What a replica says of itself now.
public struct PresenceChange: Sendable, Hashable {
    /// Which replica: ``SharedState/id`` in its program.
    public let replica: ReplicaID
    /// All that it says; nil: it is gone.
    public let values: [String: StateValue]?

    /// Makes a change, for tests of code that handles changes.
    public init(replica: ReplicaID, values: [String: StateValue]?) {
        self.replica = replica
        self.values = values
    }
}

/// What others say of themselves, from when it was made: see ``Presence/changes``. One task takes it. For a slow task
/// the newest of each replica waits.
public struct PresenceChanges: AsyncSequence, Sendable {
    public typealias Element = PresenceChange
    public typealias Failure = Never

    let subscription: StateSubscription<LoopQueue<PresenceChange>>

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(subscription: subscription) }

    /// Takes one change after the other.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let subscription: StateSubscription<LoopQueue<PresenceChange>>

        /// The next change; nil once the state is closed or dropped, and where the task is cancelled.
        public mutating func next() async -> PresenceChange? { await subscription.queue.next(isolation: nil) }

        /// The same, without leaving the actor.
        public mutating func next(isolation actor: isolated (any Actor)?) async -> PresenceChange? {
            await subscription.queue.next(isolation: actor)
        }
    }
}

extension LoopQueue<PresenceChange> {
    func add(_ change: PresenceChange) {
        self.change { changes in
            changes.removeAll { $0.replica == change.replica }
            changes.append(change)
        }
    }
}
