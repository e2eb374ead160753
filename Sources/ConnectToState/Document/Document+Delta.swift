import DequeModule

/// What has come with a difference.
struct JoinedDelta {
    /// Whether any operation was new.
    let grew: Bool
    /// Whether anything was: an operation, or what another replica has lost.
    let isNew: Bool
    let changes: [ViewChange]
    let textChanges: [TextChange]
}

extension Document {
    /// What a replica lacks that knows certain operations.
    func delta(since known: VersionVector) -> Delta {
        delta(since: known, isComplete: !known.covers(floor))
    }

    /// Everything, for a replica that has to compare all of it.
    func completeDelta() -> Delta {
        delta(since: VersionVector(), isComplete: true)
    }

    private func delta(since known: VersionVector, isComplete: Bool) -> Delta {
        var delta = Delta(isComplete: isComplete, entries: [], vector: vector, floor: isComplete ? floor : .init())
        func append(_ path: StatePath, _ node: Node) {
            delta.entries.append(.init(path: path, siblings: node.siblings, removals: node.removals))
        }
        for (name, text) in texts {
            let lacking = text.delta(since: isComplete ? nil : known)
            if !lacking.isEmpty { delta.texts.append(.init(name: name, delta: lacking)) }
        }
        if isComplete {
            root.forEach(from: StatePath(), append)
            return delta
        }
        var paths = Set<StatePath>()
        for (replica, dots) in index where known[replica] < vector[replica] {
            for path in dots.paths(after: known[replica]) where paths.insert(path).inserted {
                if let node = root.node(at: path.steps[...]) { append(path, node) }
            }
        }
        return delta
    }

    /// Takes what this replica lacked of another one.
    ///
    /// - Throws: ``StateViolation``, and nothing is changed.
    mutating func join(_ delta: Delta) throws(StateViolation) -> JoinedDelta {
        try check(delta)
        var theirs: [StatePath: Delta.Entry] = [:]
        for entry in delta.entries { theirs[entry.path] = entry }
        var paths = Array(theirs.keys)
        if delta.isComplete {
            root.forEach(from: StatePath()) { path, _ in if theirs[path] == nil { paths.append(path) } }
        }
        let joins = paths.compactMap { path in
            joining(theirs[path] ?? .init(path: path, siblings: [], removals: []), of: delta.vector)
        }
        try checkLimits(joins, delta.texts)
        let grew = !vector.covers(delta.vector)
        for join in joins { take(join) }
        let fresh = joins.flatMap { join in
            join.new.map { ($0.dot, join.path, false) } + join.removed.map { ($0, join.path, true) }
        }
        var freshRemovals: [(dot: Dot, place: RemovalPlace)] = []
        for (dot, path, isRemoval) in fresh.sorted(by: { $0.0 < $1.0 }) where !vector.contains(dot) {
            index[dot.replica, default: DotIndex()].append(dot.counter, at: path)
            if isRemoval { freshRemovals.append((dot, .path(path))) }
        }
        var textChanges: [TextChange] = []
        for text in delta.texts {
            let joined = join(text)
            freshRemovals += joined.removals.map { ($0, .text(text.name)) }
            if !joined.change.edits.isEmpty { textChanges.append(joined.change) }
        }
        removals += freshRemovals.sorted { $0.dot < $1.dot }
        vector.formUnion(delta.vector)
        floor.formUnion(delta.floor)
        let changed = joins.filter { !$0.new.isEmpty || !$0.replaced.isEmpty }.map(\.path)
        return JoinedDelta(
            grew: grew, isNew: grew || !changed.isEmpty || !textChanges.isEmpty, changes: updateView(at: changed),
            textChanges: textChanges)
    }

    /// What joining changes at a path.
    private struct Joining {
        let path: StatePath
        /// The values that come.
        let new: [Sibling]
        /// The removals that are told of from now on.
        let removed: [Dot]
        /// The values that go.
        let replaced: [Sibling]
        /// How many values stay.
        let stay: Int
    }

    /// Keeps the own values at a path that the other replica has or does not know of, and takes its values that this
    /// one has or does not know of. Two values with the same dot are the work of two replicas with one id; all keep the
    /// same one of them.
    private func joining(_ entry: Delta.Entry, of other: VersionVector) -> Joining? {
        let own = root.node(at: entry.path.steps[...])?.siblings ?? []
        let new = entry.siblings.filter { sibling in
            !vector.contains(sibling.dot) || own.contains { $0.isTwin(of: sibling, at: entry.path) }
        }
        let removed = entry.removals.filter { !vector.contains($0) }
        let kept = Set(entry.siblings.map(\.dot)).subtracting(new.map(\.dot))
        let replaced = own.filter { !kept.contains($0.dot) && other.contains($0.dot) }
        if new.isEmpty, removed.isEmpty, replaced.isEmpty { return nil }
        return Joining(
            path: entry.path, new: new, removed: removed, replaced: replaced, stay: own.count - replaced.count)
    }

    private func checkLimits(_ joins: [Joining], _ texts: [Delta.Text]) throws(StateViolation) {
        var (values, bytes) = (totals.values, totals.bytes)
        for join in joins {
            try limits.check(conflicts: join.stay + join.new.count)
            values += join.new.count - join.replaced.count
            bytes += join.path.byteCount * (join.new.count - join.replaced.count)
            bytes +=
                join.new.reduce(0) { $0 + $1.value.byteCount } - join.replaced.reduce(0) { $0 + $1.value.byteCount }
        }
        try limits.check(values: values, bytes: bytes + texts.reduce(0) { $0 + $1.size(lacking: vector) })
    }

    private mutating func take(_ join: Joining) {
        let replaced = Set(join.replaced.map(\.dot))
        _ = root.replace(at: join.path, with: join.new, removals: join.removed, &totals) { replaced.contains($0.dot) }
        for dot in replaced.subtracting(join.new.map(\.dot)) { index[dot.replica]?.remove(dot.counter) }
        for sibling in join.new { clock = max(clock, sibling.stamp.clock) }
    }

    private func check(_ delta: Delta) throws(StateViolation) {
        if delta.vector[replica] > vector[replica] {
            throw .sameReplica
        }
        var known = vector
        known.formUnion(delta.vector)
        try limits.check(known)
        if delta.vector.counters.values.contains(where: { $0 > Dot.greatestCounter }) { throw .tooGreatCounter }
        if !delta.vector.covers(delta.floor) {
            throw StateViolation("a difference has forgotten removals that it does not know")
        }
        var dots = Set<Dot>()
        for entry in delta.entries {
            try limits.check(conflicts: entry.siblings.count)
            for dot in entry.siblings.map(\.dot) + entry.removals {
                if !delta.vector.contains(dot) { throw StateViolation("a difference has operations it does not know") }
                if !dots.insert(dot).inserted { throw StateViolation("a difference has the same operation twice") }
            }
            for sibling in entry.siblings {
                try check(sibling.stamp)
                try check(entry.path, sibling.value)
            }
            try check(entry.path, nil)
        }
        if Set(delta.texts.map(\.name)).count < delta.texts.count {
            throw StateViolation("a difference has a text twice")
        }
        for text in delta.texts { try text.check(texts[text.name]?.sequence, in: delta.vector, vector) }
    }

    /// Forgets the oldest removals until only so many are told one by one. A replica that lacks one of the others gets
    /// everything when it comes back.
    mutating func forgetRemovals(keeping count: Int) {
        while removals.count > count, let (dot, place) = removals.popFirst() { forget(dot, at: place) }
    }

    private mutating func forget(_ dot: Dot, at place: RemovalPlace) {
        switch place {
        case .path(let path): forget(dot, at: path)
        case .text(let name): if texts[name]?.forget(dot) == true { floor.insert(dot) }
        }
    }

    private mutating func forget(_ dot: Dot, at path: StatePath) {
        let isThere = root.change(at: path.steps[...]) { node in
            guard let position = node.removals.firstIndex(of: dot) else { return false }
            node.removals.remove(at: position)
            return true
        }
        guard isThere else { return }
        index[dot.replica]?.remove(dot.counter)
        floor.insert(dot)
    }
}
