/// What came from another replica and was new, and what it has changed in the view.
struct AppliedOperations {
    var operations: [Operation] = []
    var changes: [ViewChange] = []
}

extension Document {
    /// Applies the operations of a transaction of another replica; those that are known already change nothing.
    ///
    /// - Throws: ``StateViolation``, and nothing is changed: an operation of a replica is missing before another one of
    ///   the same replica, or one is missing that it says it has seen, or there would be more than the limits allow.
    mutating func apply(_ operations: [Operation]) throws(StateViolation) -> AppliedOperations {
        try limits.check(operations: operations.count)
        var known = vector
        var applied = AppliedOperations()
        for operation in operations where !known.contains(operation.dot) {
            try check(operation, known)
            known.insert(operation.dot)
            applied.operations.append(operation)
        }
        try limits.check(known)
        let new = applied.operations
        if mayPassLimits(new.lazy.compactMap { operation in operation.value.map { (operation.path, $0) } }) {
            var after = self
            for operation in new {
                after.put(operation)
                try after.checkLimits(at: operation.path)
            }
            self = after
        } else {
            for operation in new { put(operation) }
        }
        applied.changes = updateView(at: applied.operations.map(\.path))
        return applied
    }

    private func check(_ operation: Operation, _ known: VersionVector) throws(StateViolation) {
        try checkNext(operation.dot, known)
        if !operation.seen.allSatisfy(known.contains) {
            throw StateViolation("an operation says that it has seen one that has not come before it")
        }
        try check(operation.stamp)
        try check(operation.path, operation.value)
    }

    /// Whether an operation is the next one of its replica.
    func checkNext(_ dot: Dot, _ known: VersionVector) throws(StateViolation) {
        if dot.replica == replica {
            throw .sameReplica
        }
        if dot.counter != known[dot.replica] + 1 {
            throw StateViolation(
                "operation \(dot.counter) of a replica came, and \(known[dot.replica] + 1) is the next one of it")
        }
    }

    private mutating func put(_ operation: Operation) {
        let replaced = root.put(operation, &totals)
        note(operation, replaced: replaced)
    }

    private func checkLimits(at path: StatePath) throws(StateViolation) {
        try limits.check(values: totals.values, bytes: totals.bytes)
        try limits.check(conflicts: root.node(at: path.steps[...])?.siblings.count ?? 0)
    }

    /// Whether the limits may be passed: they are not if they would not be without anything that is replaced.
    func mayPassLimits(_ leaves: some Sequence<StateLeaf>) -> Bool {
        var (count, bytes) = (0, totals.bytes)
        for leaf in leaves {
            count += 1
            bytes += leaf.path.byteCount + leaf.value.byteCount
        }
        return totals.values + count > limits.values || bytes > limits.documentBytes
            || totals.conflicts + count >= limits.conflicts
    }

    func check(_ stamp: Stamp) throws(StateViolation) {
        if stamp.clock > Stamp.greatestClock { throw StateViolation("a stamp has a clock of 2⁶³ or more") }
    }

    func check(_ path: StatePath, _ value: StateValue?) throws(StateViolation) {
        try limits.check(path, value)
        if case .object(let members) = value, !members.isEmpty {
            throw StateViolation("the value of an operation is an object with members, which are operations each")
        }
    }
}
