import DequeModule

/// A text of a document.
struct DocumentText: Sendable {
    var sequence = TextSequence()
    /// The removals that are still told one by one, in the order of their dots.
    var removals: [ReplicaID: Deque<TextDelta.Removal>] = [:]

    /// What a replica lacks that knows certain operations; everything for nil.
    func delta(since known: VersionVector?) -> TextDelta {
        var delta = TextDelta(pieces: sequence.pieces(since: known))
        for (replica, told) in removals {
            let counter = known?[replica] ?? 0
            delta.removals += told[(told.lastIndex { $0.dot.counter <= counter }.map { $0 + 1 } ?? 0)...]
        }
        return delta
    }

    mutating func remember(_ removal: TextDelta.Removal) {
        removals[removal.dot.replica, default: []].append(removal)
    }

    /// - Returns: whether it was told until now.
    mutating func forget(_ removal: Dot) -> Bool {
        guard let place = removals[removal.replica]?.firstIndex(where: { $0.dot == removal }) else { return false }
        removals[removal.replica]?.remove(at: place)
        return true
    }
}

/// What an operation or a difference has changed in a text.
struct TextChange: Sendable {
    let text: StateKey
    /// One after the other.
    var edits: [TextEdit]
}
