import HashTreeCollections

/// What a transaction sends, and what it has changed in the view.
struct WrittenTransaction {
    var operations: [Operation] = []
    var changes: [ViewChange] = []
}

extension Document {
    /// Writes and removes values at the same time: other replicas see all of it or nothing.
    ///
    /// - Parameters:
    ///   - now: milliseconds since 1970.
    ///   - writes: paths and their values, nil for none, one after the other. What stood above or below a path is gone.
    mutating func write(_ writes: [(path: StatePath, value: StateValue?)], now: UInt64) -> WrittenTransaction {
        var transaction = WrittenTransaction()
        let (milliseconds, isTooLarge) = now.multipliedReportingOverflow(by: 1 << 16)
        let time = isTooLarge ? Stamp.greatestClock : max(milliseconds, min(clock, Stamp.greatestClock - 1) + 1)
        let stamp = Stamp(clock: min(time, Stamp.greatestClock), replica: replica)
        for (path, value) in writes {
            var leaves: [(path: StatePath, value: StateValue)] = []
            value?.forEachLeaf(at: path) { leaves.append(($0, $1)) }
            let written = Set(leaves.map(\.path))
            for path in valuePaths(around: path).filter({ !written.contains($0) }).sorted() {
                add(to: &transaction, stamp, path, nil)
            }
            for (path, value) in leaves { add(to: &transaction, stamp, path, value) }
        }
        if !transaction.operations.isEmpty {
            transaction.changes = updateView(at: transaction.operations.map(\.path))
        }
        return transaction
    }

    private mutating func add(
        to transaction: inout WrittenTransaction, _ stamp: Stamp, _ path: StatePath, _ value: StateValue?
    ) {
        let operation = Operation(
            dot: Dot(replica: replica, counter: vector[replica] + 1), stamp: stamp, path: path, value: value,
            seen: root.node(at: path.steps[...])?.siblings.map(\.dot) ?? [])
        put(operation)
        transaction.operations.append(operation)
    }

    /// The paths at, above and below a path where there are values, shown or not.
    private func valuePaths(around path: StatePath) -> [StatePath] {
        var found: [StatePath] = []
        var node = root
        for depth in path.steps.indices {
            if !node.siblings.isEmpty { found.append(StatePath(steps: Array(path.steps[..<depth]))) }
            guard let child = node.children[path.steps[depth]] else { return found }
            node = child
        }
        node.forEach(from: path) { path, node in
            if !node.siblings.isEmpty { found.append(path) }
        }
        return found
    }
}
