/// An edit of a text, as it goes from replica to replica.
struct TextOperation: Hashable, Sendable {
    /// The dot of the operation; of an insertion, that of its first character.
    let dot: Dot
    /// The name of the text.
    let text: StateKey
    let edit: Edit

    enum Edit: Hashable, Sendable {
        /// Unicode scalars, of which each takes a dot. The first is a child of the parent (nil: of the beginning of the
        /// text), and each other one a right child of the one before it.
        case insert(String, parent: Dot?, side: TextSide)
        /// Takes one dot, and names the characters that are gone.
        case remove([DotRange])
    }

    /// The dot that it takes last.
    var lastDot: Dot {
        guard case .insert(let string, _, _) = edit else { return dot }
        return Dot(replica: dot.replica, counter: dot.counter + UInt64(string.unicodeScalars.count) - 1)
    }
}

/// On which side of its parent a character stands in the tree that the order of a text comes from.
enum TextSide: UInt8, Sendable {
    case left
    case right
}

/// Dots of one replica without a gap.
struct DotRange: Hashable, Sendable {
    let replica: ReplicaID
    let first: UInt64
    var count: UInt64

    /// Nil where the numbers have no end.
    var end: UInt64? {
        let (end, overflow) = first.addingReportingOverflow(count)
        return overflow ? nil : end
    }
}

/// What a replica lacks of a text.
struct TextDelta: Hashable, Sendable {
    /// Each after its parent, and those of one replica in the order of their dots.
    var pieces: [Piece] = []
    var removals: [Removal] = []

    var isEmpty: Bool { pieces.isEmpty && removals.isEmpty }

    /// Characters that were inserted one after the other by one replica, all of them still there or all of them gone.
    struct Piece: Hashable, Sendable {
        var dot: Dot
        var parent: Dot?
        var side: TextSide
        var content: Content

        enum Content: Hashable, Sendable {
            case text(String)
            /// How many characters are gone; which ones they were is not told.
            case gone(Int)
        }

        var count: Int {
            switch content {
            case .text(let string): string.unicodeScalars.count
            case .gone(let count): count
            }
        }
    }

    /// A removal that is still told by itself.
    struct Removal: Hashable, Sendable {
        var dot: Dot
        var ranges: [DotRange]
    }
}
