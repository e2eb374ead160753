import DequeModule

/// What has come with a difference.
struct JoinedDelta {
    let grew: Bool
    let changes: [ViewChange]
    let textChanges: [TextChange]
}

extension Document {
    /// What a replica lacks that knows certain operations.
    func delta(since known: VersionVector) -> Delta {
        let isComplete = !known.covers(floor)
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
    /// - Returns: whether any operation was new, and what has changed in the view and in texts.
    /// - Throws: ``StateViolation``, and nothing is changed.
    mutating func join(_ delta: Delta) throws(StateViolation) -> JoinedDelta {
        try check(delta)
        var theirs: [StatePath: Delta.Entry] = [:]
        for entry in delta.entries { theirs[entry.path] = entry }
        var paths = Array(theirs.keys)
        if delta.isComplete {
            root.forEach(from: StatePath()) { path, _ in if theirs[path] == nil { paths.append(path) } }
        }
        var fresh: [Fresh] = []
        let changed = paths.filter { path in
            joinEntry(theirs[path] ?? .init(path: path, siblings: [], removals: []), of: delta.vector, &fresh)
        }
        var freshRemovals: [(dot: Dot, place: RemovalPlace)] = []
        for one in fresh.sorted(by: { $0.dot < $1.dot }) {
            index[one.dot.replica, default: DotIndex()].append(one.dot.counter, at: one.path)
            if one.isRemoval { freshRemovals.append((one.dot, .path(one.path))) }
        }
        var textChanges: [TextChange] = []
        for text in delta.texts {
            let joined = join(text)
            freshRemovals += joined.removals.map { ($0, .text(text.name)) }
            if !joined.change.edits.isEmpty { textChanges.append(joined.change) }
        }
        removals += freshRemovals.sorted { $0.dot < $1.dot }
        let grew = !vector.covers(delta.vector)
        vector.formUnion(delta.vector)
        floor.formUnion(delta.floor)
        return JoinedDelta(grew: grew, changes: updateView(at: changed), textChanges: textChanges)
    }

    /// An operation that this document has not had.
    private struct Fresh {
        let dot: Dot
        let path: StatePath
        let isRemoval: Bool
    }

    /// Keeps the own values at a path that the other replica has or does not know of, and takes its values that this
    /// one has or does not know of.
    ///
    /// - Returns: whether the values at the path are others now.
    private mutating func joinEntry(_ entry: Delta.Entry, of other: VersionVector, _ fresh: inout [Fresh])
        -> Bool
    {
        let path = entry.path
        let new = entry.siblings.filter { !vector.contains($0.dot) }
        let removed = entry.removals.filter { !vector.contains($0) }
        let theirs = Set(entry.siblings.map(\.dot))
        let own = root.node(at: path.steps[...])?.siblings ?? []
        let replaced = Set(own.map(\.dot).filter { !theirs.contains($0) && other.contains($0) })
        if new.isEmpty, removed.isEmpty, replaced.isEmpty { return false }
        root.change(at: path.steps[...]) { node in
            node.siblings.removeAll { replaced.contains($0.dot) }
            for sibling in new { node.insert(sibling) }
            node.removals += removed
        }
        for dot in replaced { index[dot.replica]?.remove(dot.counter) }
        for sibling in new { clock = max(clock, sibling.stamp.clock) }
        fresh += new.map { Fresh(dot: $0.dot, path: path, isRemoval: false) }
        fresh += removed.map { Fresh(dot: $0, path: path, isRemoval: true) }
        return !new.isEmpty || !replaced.isEmpty
    }

    private func check(_ delta: Delta) throws(StateViolation) {
        if delta.vector[replica] > vector[replica] {
            throw .sameReplica
        }
        if !delta.vector.covers(delta.floor) {
            throw StateViolation("a difference has forgotten removals that it does not know")
        }
        var dots = Set<Dot>()
        for entry in delta.entries {
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
