import HashTreeCollections

/// The values of a shared state at one moment. It costs nothing to take, and holds what it had while the state goes on.
public struct StateSnapshot: Sendable {
    let root: Node
    let rule: ConflictRule

    init(_ document: Document) {
        root = document.root
        rule = document.rule
    }

    /// The value at a path: a single one, or an object of all that is below. Nil: there is none.
    public func value(at path: StatePath = StatePath()) -> StateValue? { root.node(at: path.steps[...])?.shownTree }

    /// The value at a path as a type.
    ///
    /// - Returns: nil where there is none.
    /// - Throws: ``StateError`` with ``StateError/Code/notDecodable``.
    public func value<Value: Decodable>(at path: StatePath, as type: Value.Type) throws(StateError) -> Value? {
        try value(at: path)?.decode(type)
    }

    /// The values at a path that were written without knowing of the one that is shown.
    public func conflicts(at path: StatePath) -> [StateValue] {
        root.node(at: path.steps[...]).map { rule.conflicts(of: $0.siblings) } ?? []
    }

    /// Visits each value at or below a path, in the order of the paths. An object with members is no value of its own.
    public func forEach<Failure: Error>(
        at path: StatePath = StatePath(), _ body: (StatePath, StateValue) throws(Failure) -> Void
    ) throws(Failure) {
        try root.node(at: path.steps[...])?.forEachShown(from: path, body)
    }

    /// The paths of all values at or below a path.
    public func paths(at path: StatePath = StatePath()) -> [StatePath] {
        var paths: [StatePath] = []
        forEach(at: path) { path, _ in paths.append(path) }
        return paths
    }
}

extension Node {
    fileprivate func forEachShown<Failure: Error>(
        from path: StatePath, _ body: (StatePath, StateValue) throws(Failure) -> Void
    ) throws(Failure) {
        // What is shown hides all below it.
        if let shown { return try body(path, shown) }
        for step in children.keys.sorted() {
            try children[step]?.forEachShown(from: StatePath(steps: path.steps + [step]), body)
        }
    }
}
