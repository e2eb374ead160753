extension SharedState {
    // MARK: Reading

    /// The value at a path: a single one, or an object of all that is below. Nil: there is none.
    ///
    /// An object is put together when it is read; ``snapshot`` gives all without a copy.
    public func value(at path: StatePath) -> StateValue? {
        locked { $0.document.root.node(at: path.steps[...]) }?.shownTree
    }

    /// The value at a path as a type: what an `Encodable` value was written as, also where other programs have written
    /// its properties one by one.
    ///
    /// - Returns: nil where there is none.
    /// - Throws: ``StateError`` with ``StateError/Code/notDecodable``, which says where it does not fit.
    public func value<Value: Decodable>(at path: StatePath, as type: Value.Type) throws(StateError) -> Value? {
        try value(at: path)?.decode(type)
    }

    /// The values that were written at a path without knowing of the one that is shown, and that no write has replaced;
    /// the latest last. Empty where there is no conflict, and with ``ConflictRule/lastWriteWins``.
    public func conflicts(at path: StatePath) -> [StateValue] { locked { $0.document.conflicts(at: path) } }

    /// All values as they are just now. It costs nothing to take, and stays as it is.
    public var snapshot: StateSnapshot { locked { StateSnapshot($0.document) } }

    /// How many replicas have ever written: each costs 24 bytes for ever. It grows by one with each program that starts
    /// and writes.
    public var replicaCount: Int { locked { $0.document.vector.counters.count } }

    // MARK: Writing

    /// Writes a value in place of what is at a path, above it and below it.
    ///
    /// An object is written as its members, each at a path of its own, so that two programs can write two members at
    /// the same time. Arrays are written as a whole. When this returns, the lines have the write and the changes tell it;
    /// it has not been waited for anybody. Where the state has a file, the file has it too (``StateDurability``).
    ///
    /// - Throws: ``StateError`` with ``StateError/Code/limitExceeded``, or ``StateError/Code/notSaved`` where the file
    ///   could not be written: nothing was written then.
    public func set(_ path: StatePath, to value: StateValue) throws(StateError) {
        try write([(path, value)])
    }

    /// Writes a value of any `Encodable` type: ``StateValue/init(encoding:)`` says as what.
    ///
    /// - Throws: ``StateError`` with ``StateError/Code/notEncodable``, ``StateError/Code/limitExceeded`` or
    ///   ``StateError/Code/notSaved``: nothing was written.
    public func set<Value: Encodable>(_ path: StatePath, to value: Value) throws(StateError) {
        try write([(path, try StateValue(encoding: value))])
    }

    /// Removes what is at a path, above it and below it.
    ///
    /// What another program writes there at the same time stays.
    ///
    /// - Throws: ``StateError`` with ``StateError/Code/limitExceeded``, where the path is longer than one can be, or
    ///   ``StateError/Code/notSaved``: nothing was removed.
    public func remove(_ path: StatePath) throws(StateError) {
        try write([(path, nil)])
    }

    func write(
        _ writes: [(path: StatePath, value: StateValue?)], from origin: StateChange.Origin = .local
    ) throws(StateError) {
        finish(try locked { core throws(StateError) in try core.write(writes, from: origin) })
    }

    /// Writes several values at the same time, and reads them before that: no other write comes in between, and other
    /// replicas see all of it or nothing.
    ///
    /// ```swift
    /// try counters.transaction {
    ///     $0.set("visits", to: (try $0.value(at: "visits", as: Int.self) ?? 0) + 1)
    /// }
    /// ```
    ///
    /// Of programs that do so at the same time each adds to what it has seen, and the results are a conflict.
    ///
    /// - Parameter body: other threads that use the state wait for it; it must not use the state itself.
    /// - Returns: what the closure returns.
    /// - Throws: what the closure throws, and ``StateError`` of the first write that is not possible. Nothing was written
    ///   then.
    public func transaction<Result>(_ body: (inout StateTransaction) throws -> Result) throws -> Result {
        // Through a variable, since the lock lets out only what is sendable.
        var result: Result?
        let wakeups = try locked { core in
            var transaction = StateTransaction(core.document.beginWriting(now: Self.now))
            result = try body(&transaction)
            if let failure = transaction.failure { throw failure }
            return try core.commit(transaction.writing, from: .local)
        }
        finish(wakeups)
        guard let result else { preconditionFailure("a transaction returned without its result") }
        return result
    }

    // MARK: Changes

    /// Everything that changes from now on: see ``changes(at:)``.
    public var changes: StateChanges { changes(at: StatePath()) }

    /// The changes of all values at and below a path, from now on: local writes too, and what comes over lines.
    ///
    /// It begins when this is called, not when a loop begins: a program that takes ``snapshot`` after it misses nothing,
    /// and ``snapshotAndChanges(at:)`` gives both without one overlapping the other.
    public func changes(at path: StatePath) -> StateChanges { snapshotAndChanges(at: path).changes }

    /// The values just now, and everything that changes after that.
    public func snapshotAndChanges(
        at path: StatePath = StatePath()
    ) -> (snapshot: StateSnapshot, changes: StateChanges) {
        let queue = ChangeQueue(at: path)
        let snapshot = locked { core in
            if core.isClosed { queue.end() } else { core.loops[ObjectIdentifier(queue)] = queue }
            return StateSnapshot(core.document)
        }
        return (snapshot, StateChanges(subscription: StateSubscription(self, queue) { $0.forget($1) }))
    }

    func forget(_ queue: ChangeQueue) {
        locked { $0.loops[ObjectIdentifier(queue)] = nil }
    }
}
