import HashTreeCollections

/// What stands at a path, and below it. Copies share what is the same in them.
struct Node: Sendable {
    var children: TreeDictionary<StateKey, Node> = [:]
    /// In the order of their stamps; more than one where replicas wrote without knowing of each other.
    var siblings: [Sibling] = []
    /// Removals at the path that are told to replicas one by one.
    var removals: [Dot] = []
    /// The value that the view has at the path. Nil: none, or one that stands above or below hides it.
    var shown: StateValue?
    /// Whether the view has told of values here that are not shown.
    var hasConflicts = false

    var isEmpty: Bool { children.isEmpty && siblings.isEmpty && removals.isEmpty }

    /// The latest write below: nil where it has to be looked for, and empty where there is none. It is asked for only
    /// where there is a value here too, which is rare.
    private var knownLatestBelow: [Stamp]?

    /// Changes what is at a path. The node is made if it is not there, and removed if nothing is left of it.
    mutating func change<Result>(at steps: ArraySlice<StateKey>, _ body: (inout Node) -> Result) -> Result {
        change(at: steps, body).result
    }

    private mutating func change<Result>(
        at steps: ArraySlice<StateKey>, _ body: (inout Node) -> Result
    ) -> (result: Result, before: Stamp?, after: Stamp?) {
        guard let step = steps.first else {
            let before = siblings.last?.stamp
            let result = body(&self)
            return (result, before, siblings.last?.stamp)
        }
        let (change, isEmpty) = changeChild(step) { child in
            let change = child.change(at: steps.dropFirst(), body) as (Result, Stamp?, Stamp?)
            return (change, child.isEmpty && child.shown == nil)
        }
        if isEmpty { children[step] = nil }
        let (result, before, after) = change
        if let latest = knownLatestBelow {
            if let after, latest.allSatisfy({ $0 <= after }) {
                knownLatestBelow = [after]
            } else if let before, before != after, latest == [before] {
                knownLatestBelow = nil
            }
        }
        return (result, before, after)
    }

    /// Changes a child in place.
    mutating func changeChild<Result>(_ step: StateKey, _ body: (inout Node) -> Result) -> Result {
        body(&children[step, default: Node()])
    }

    /// The node at a path, if there is one.
    func node(at steps: ArraySlice<StateKey>) -> Node? {
        guard let step = steps.first else { return self }
        return children[step]?.node(at: steps.dropFirst())
    }

    /// Visits this node and those below it that hold a value or a removal.
    func forEach(from path: StatePath, _ body: (StatePath, Node) -> Void) {
        if !siblings.isEmpty || !removals.isEmpty { body(path, self) }
        for (step, child) in children { child.forEach(from: StatePath(steps: path.steps + [step]), body) }
    }

    /// The latest write below; nil where there is no value.
    mutating func latestBelow() -> Stamp? {
        if let knownLatestBelow { return knownLatestBelow.first }
        let latest = findLatestBelow()
        knownLatestBelow = latest.map { [$0] } ?? []
        return latest
    }

    private func findLatestBelow() -> Stamp? {
        if let knownLatestBelow { return knownLatestBelow.first }
        return children.values.reduce(nil) { later($0, later($1.siblings.last?.stamp, $1.findLatestBelow())) }
    }
}

private func later(_ left: Stamp?, _ right: Stamp?) -> Stamp? {
    guard let left, let right else { return left ?? right }
    return max(left, right)
}
