import DequeModule
import HashTreeCollections

/// The values of one replica, and what it knows of the operations of all.
///
/// It neither waits nor sends: operations go in and out, and the time is told to it. Whatever order operations,
/// differences and losses of lines come in, replicas that know the same operations hold the same values. That rests on
/// three things. A write names the values that it has seen and replaces them alone, so a write that was made without
/// knowing of it stays beside it. Which operations are known is counted for each replica, so what comes twice is
/// noticed, and a value that is missing from what another replica sends was replaced if that one knows its operation,
/// and is news for it if not. And no operation is ever refused for its content: rules for conflicts only read.
struct Document: Sendable {
    let replica: ReplicaID
    let rule: ConflictRule
    let limits: StateLimits
    /// The values; a copy of it is a snapshot.
    var root = Node()
    /// What the values are in numbers.
    var totals = Totals()
    /// The texts by their names, beside the values: no path leads into one.
    var texts: [StateKey: DocumentText] = [:]
    /// The operations that are known.
    var vector = VersionVector()
    /// The removals that are no longer told one by one: a replica that does not know them all gets everything.
    var floor = VersionVector()
    /// The greatest clock of all stamps.
    var clock: UInt64 = 0
    /// Where the operations of each replica stand that are in the tree.
    var index: [ReplicaID: DotIndex] = [:]
    /// The removals in the tree and in texts, the oldest first, and some that are gone.
    var removals: Deque<(dot: Dot, place: RemovalPlace)> = []

    init(
        replica: ReplicaID = .random(), rule: ConflictRule = .vectorClock, limits: StateLimits = StateLimits()
    ) {
        self.replica = replica
        self.rule = rule
        self.limits = limits
    }

    /// Notes an operation that has been put into the tree, and that nothing before it is missing of.
    ///
    /// - Parameter replaced: what it has replaced there: not all that it says to have seen, which may be gone, or be a
    ///   lie.
    mutating func note(_ operation: Operation, replaced: [Dot]) {
        for dot in replaced { index[dot.replica]?.remove(dot.counter) }
        index[operation.dot.replica, default: DotIndex()].append(operation.dot.counter, at: operation.path)
        if operation.value == nil { removals.append((operation.dot, .path(operation.path))) }
        vector.insert(operation.dot)
        clock = max(clock, operation.stamp.clock)
    }

    /// Brings the view up to date at paths whose values have changed.
    mutating func updateView(at paths: some Sequence<StatePath>) -> [ViewChange] {
        var update = ViewUpdate(rule: rule)
        for path in paths { update.update(&root, at: path) }
        return update.effective
    }
}

/// Where something was removed.
enum RemovalPlace {
    case path(StatePath)
    case text(StateKey)
}

extension Node {
    /// Puts an operation into the tree.
    ///
    /// - Returns: which values it has replaced.
    @discardableResult
    mutating func put(_ operation: Operation, _ totals: inout Totals) -> [Dot] {
        let sibling = operation.value.map { Sibling(dot: operation.dot, stamp: operation.stamp, value: $0) }
        return replace(
            at: operation.path, with: sibling.map { [$0] } ?? [], removals: sibling == nil ? [operation.dot] : [],
            &totals
        ) { operation.seen.contains($0.dot) }
    }

    /// Inserts a value in the order of the stamps.
    mutating func insert(_ sibling: Sibling) {
        let index = siblings.lastIndex { ($0.stamp, $0.dot) < (sibling.stamp, sibling.dot) }
        siblings.insert(sibling, at: index.map { $0 + 1 } ?? 0)
    }
}

// MARK: Reading

extension Document {
    /// The value at a path: a single one, or an object of what is shown below.
    func value(at path: StatePath) -> StateValue? {
        root.node(at: path.steps[...])?.shownTree
    }

    /// The values at a path that are not shown, though no write has replaced them.
    func conflicts(at path: StatePath) -> [StateValue] {
        root.node(at: path.steps[...]).map { rule.conflicts(of: $0.siblings) } ?? []
    }
}

extension Node {
    /// What is shown here, or below.
    var shownTree: StateValue? {
        if let shown { return shown }
        var members: [String: StateValue] = [:]
        for (step, child) in children {
            if let value = child.shownTree { members[step.string] = value }
        }
        return members.isEmpty ? nil : .object(members)
    }
}
