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
    ///
    /// - Throws: ``StateViolation``: the values would be more than the limits allow. Nothing is changed.
    mutating func write(
        _ writes: [(path: StatePath, value: StateValue?)], now: UInt64
    ) throws(StateViolation) -> WrittenTransaction {
        var leaves: [[StateLeaf]] = []
        for (path, value) in writes { leaves.append(try limits.leaves(of: value, at: path)) }
        var writing = beginWriting(now: now)
        // The tree is handed over and not copied, so that it is changed in place, unless it may have to come back.
        // Whatever is there may have to be removed first, with an operation for each.
        let isFar = 2 * (totals.values + leaves.reduce(0) { $0 + $1.count }) <= limits.operations
        let before = !isFar || mayPassLimits(leaves.joined()) ? root : nil
        root = Node()
        do throws(StateViolation) {
            for (write, leaves) in zip(writes, leaves) { try writing.write(write.path, leaves) }
        } catch {
            root = before ?? writing.root
            throw error
        }
        return commit(writing)
    }

    /// Begins a transaction that may be dropped. Nothing else may be written or applied until it is committed.
    func beginWriting(now: UInt64) -> Writing {
        Writing(root, totals, limits: limits, rule: rule, stamp: nextStamp(now: now), next: nextDot)
    }

    mutating func commit(_ writing: consuming Writing) -> WrittenTransaction {
        root = writing.root
        totals = writing.totals
        for operation in writing.operations { note(operation, replaced: operation.seen) }
        return WrittenTransaction(operations: writing.operations, changes: writing.changes)
    }

    private var nextDot: Dot { Dot(replica: replica, counter: vector[replica] + 1) }

    private func nextStamp(now: UInt64) -> Stamp {
        let (milliseconds, isTooLarge) = now.multipliedReportingOverflow(by: 1 << 16)
        let time = isTooLarge ? Stamp.greatestClock : max(milliseconds, min(clock, Stamp.greatestClock - 1) + 1)
        return Stamp(clock: min(time, Stamp.greatestClock), replica: replica)
    }
}
