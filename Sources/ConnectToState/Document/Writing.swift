import HashTreeCollections

/// A transaction while it is written: the values as they will be, and the operations that make them so.
///
/// It changes nothing but its own copy of the values until ``Document/commit(_:)``, so that it can be dropped.
struct Writing {
    private(set) var root: Node
    private(set) var totals: Totals
    private(set) var operations: [Operation] = []
    private var update: ViewUpdate
    private let limits: StateLimits
    private let stamp: Stamp
    private var next: Dot

    /// - Parameter next: the number of the first operation.
    init(_ root: Node, _ totals: Totals, limits: StateLimits, rule: ConflictRule, stamp: Stamp, next: Dot) {
        self.root = root
        self.totals = totals
        self.limits = limits
        self.stamp = stamp
        self.next = next
        update = ViewUpdate(rule: rule)
    }

    /// What the transaction has changed in the view.
    var changes: [ViewChange] { update.effective }

    /// Writes a value at a path, or removes what is there; what stood above or below the path is gone.
    ///
    /// - Throws: ``StateViolation``: the values would be more than the limits allow. The transaction has to be dropped.
    mutating func write(_ path: StatePath, _ value: StateValue?) throws(StateViolation) {
        try write(path, try limits.leaves(of: value, at: path))
    }

    /// - Parameter leaves: the parts of the value, none for a removal.
    mutating func write(_ path: StatePath, _ leaves: [StateLeaf]) throws(StateViolation) {
        let first = operations.count
        let written = Set(leaves.map(\.path))
        for path in root.valuePaths(around: path).filter({ !written.contains($0) }).sorted() { add(path, nil) }
        for (path, value) in leaves { add(path, value) }
        try limits.check(operations: operations.count)
        try limits.check(values: totals.values, bytes: totals.bytes)
        for operation in operations[first...] { update.update(&root, at: operation.path) }
    }

    private mutating func add(_ path: StatePath, _ value: StateValue?) {
        let operation = Operation(
            dot: next, stamp: stamp, path: path, value: value,
            seen: root.node(at: path.steps[...])?.siblings.map(\.dot) ?? [])
        root.put(operation, &totals)
        operations.append(operation)
        next = Dot(replica: next.replica, counter: next.counter + 1)
    }
}

extension Node {
    /// The paths at, above and below a path where there are values, shown or not.
    fileprivate func valuePaths(around path: StatePath) -> [StatePath] {
        var found: [StatePath] = []
        var node = self
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
