import HashTreeCollections

/// What a transaction has changed in the view at one path: the value, or the values that are not shown.
struct ViewChange {
    let path: StatePath
    let old: StateValue?
    var new: StateValue?
    /// What else was written there, and has not been replaced by a write that knew of it.
    var conflicts: [StateValue] = []
    /// Whether there were conflicts before.
    let hadConflicts: Bool
}

/// Brings the view of a document up to date where its values have changed.
///
/// The view shows the later of two values of which one stands above the other: of all paths with values the one with
/// the latest write is taken, what is above or below it is hidden, and so on with the paths that are left. That is the
/// same as to ask from the top down whether the value at a path is later than all below it: if so it is shown and hides
/// them, and if not, the latest below is shown and hides it. So only the way to a change has to be looked at, and a
/// subtree only where it is hidden or uncovered as a whole.
struct ViewUpdate {
    let rule: ConflictRule
    private(set) var changes: [StatePath: ViewChange] = [:]

    init(rule: ConflictRule) {
        self.rule = rule
    }

    /// Changes with the same value before and after are none, except where it is the conflicts that have changed.
    var effective: [ViewChange] {
        changes.values.filter { $0.old != $0.new || $0.hadConflicts || !$0.conflicts.isEmpty }
            .sorted { $0.path < $1.path }
    }

    mutating func update(_ root: inout Node, at path: StatePath) {
        update(&root, at: StatePath(), toward: path.steps[...], wasHidden: false, isHidden: false)
    }

    /// - Parameters:
    ///   - way: from here to where values have changed.
    ///   - wasHidden: whether something above hid this node.
    ///   - isHidden: whether it does now.
    private mutating func update(
        _ node: inout Node, at path: StatePath, toward way: ArraySlice<StateKey>, wasHidden: Bool, isHidden: Bool
    ) {
        let old = node.shown
        let new = isHidden ? nil : shownValue(of: &node)
        let conflicts = new == nil ? [] : rule.conflicts(of: node.siblings)
        if old != new || way.isEmpty && (node.hasConflicts || !conflicts.isEmpty) {
            var change = changes[path] ?? ViewChange(path: path, old: old, hadConflicts: node.hasConflicts)
            change.new = new
            change.conflicts = conflicts
            changes[path] = change
            node.shown = new
        }
        node.hasConflicts = !conflicts.isEmpty
        let didHide = wasHidden || old != nil
        let hides = isHidden || new != nil
        let steps = didHide == hides ? way.prefix(1).map { $0 } : node.children.keys.map { $0 }
        for step in steps where node.children[step] != nil {
            let rest = step == way.first ? way.dropFirst() : []
            node.changeChild(step) {
                update(
                    &$0, at: StatePath(steps: path.steps + [step]), toward: rest, wasHidden: didHide, isHidden: hides)
            }
            if let child = node.children[step], child.isEmpty { node.children[step] = nil }
        }
    }

    private func shownValue(of node: inout Node) -> StateValue? {
        guard let own = node.siblings.last?.stamp else { return nil }
        if let below = node.latestBelow(), below >= own { return nil }
        return rule.value(of: node.siblings)
    }
}
