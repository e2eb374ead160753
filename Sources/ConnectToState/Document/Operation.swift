/// A write or a removal at one path, as it goes from replica to replica.
struct Operation: Hashable, Sendable {
    let dot: Dot
    let stamp: Stamp
    let path: StatePath
    /// Never an object with members; nil: a removal.
    let value: StateValue?
    /// The values at the path that the writer saw, and that this replaces.
    let seen: [Dot]
}

/// A value that was written at a path, and that no write has replaced that knew of it.
struct Sibling: Hashable, Sendable {
    let dot: Dot
    let stamp: Stamp
    let value: StateValue
}

extension Sibling {
    /// Whether both have the same dot though they are not the same, and the other one is to be kept.
    func isTwin(of other: Sibling, at path: StatePath) -> Bool {
        dot == other.dot && self != other
            && (stamp.clock, fingerprint(at: path)) < (other.stamp.clock, other.fingerprint(at: path))
    }
}

/// What one replica lacks of another.
struct Delta: Hashable, Sendable {
    /// Whether it is all that there is, and not the difference to what the receiver had.
    var isComplete: Bool
    var entries: [Entry]
    var texts: [Text] = []
    var vector: VersionVector
    /// Of a complete one: the removals that are no longer told one by one.
    var floor: VersionVector

    /// Everything that is at a path, not only what is new there.
    struct Entry: Hashable, Sendable {
        var path: StatePath
        var siblings: [Sibling]
        var removals: [Dot]
    }

    struct Text: Hashable, Sendable {
        var name: StateKey
        var delta = TextDelta()
    }
}

/// What no replica that keeps the rules sends. Whoever sends it loses its line.
struct StateViolation: Error, Hashable {
    let message: String

    init(_ message: String) {
        self.message = message
    }

    static var tooGreatCounter: StateViolation { StateViolation("an operation has a number of 2⁶³ or more") }

    static var sameReplica: StateViolation { StateViolation("another replica counts with the id of this one") }
}
