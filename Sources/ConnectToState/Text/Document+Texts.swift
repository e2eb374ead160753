extension Document {
    /// Replaces what is between two UTF-16 offsets of a text. An offset within a character is moved so that the whole
    /// character is replaced.
    ///
    /// - Returns: what other replicas have to be told, and what has changed.
    /// - Throws: ``StateViolation``: the text would be larger than the limits allow. Nothing is changed.
    mutating func edit(
        _ name: StateKey, _ range: Range<Int>, with string: String
    ) throws(StateViolation) -> AppliedTextOperations {
        try limits.check(text: name)
        if !string.isEmpty { try limits.check(values: totals.values, bytes: totals.bytes + string.utf8.count) }
        var applied = AppliedTextOperations()
        let removed = texts[name]?.sequence.characters(in: range) ?? 0..<0
        if !removed.isEmpty {
            let ranges = change(name) { $0.remove(removed) }
            let operation = TextOperation(dot: nextDot, text: name, edit: .remove(ranges))
            note(operation)
            applied.operations.append(operation)
        }
        if !string.isEmpty {
            let dot = nextDot
            let (parent, side) = change(name) { $0.insert(string, dot, at: removed.lowerBound) }
            let operation = TextOperation(dot: dot, text: name, edit: .insert(string, parent: parent, side: side))
            note(operation)
            applied.operations.append(operation)
        }
        if !applied.operations.isEmpty {
            let edit = TextEdit(offset: removed.lowerBound, removed: removed.count, inserted: string)
            applied.changes = [TextChange(text: name, edits: [edit])]
        }
        return applied
    }

    private var nextDot: Dot { Dot(replica: replica, counter: vector[replica] + 1) }

    /// Applies the edits of a transaction of another replica; those that are known already change nothing.
    ///
    /// - Throws: ``StateViolation``, and nothing is changed.
    mutating func apply(_ operations: [TextOperation]) throws(StateViolation) -> AppliedTextOperations {
        let fresh = try checked(operations)
        var changes: [(text: StateKey, edits: [TextEdit])] = []
        for operation in fresh {
            let edits: [TextEdit]
            switch operation.edit {
            case .insert(let string, let parent, let side):
                edits = [change(operation.text) { $0.insert(string, operation.dot, parent: parent, side: side) }]
            case .remove(let ranges): edits = change(operation.text) { $0.remove(ranges) }
            }
            note(operation)
            if changes.last?.text == operation.text {
                changes[changes.count - 1].edits += edits
            } else {
                changes.append((operation.text, edits))
            }
        }
        return AppliedTextOperations(
            operations: fresh,
            changes: changes.filter { !$0.edits.isEmpty }.map { TextChange(text: $0.text, edits: $0.edits) })
    }

    /// The operations that are not known, which a replica that keeps the rules can have sent.
    private func checked(_ operations: [TextOperation]) throws(StateViolation) -> [TextOperation] {
        // It has a copy of the document, which has to be gone before a text is changed: or all of that would be copied.
        var check = TextCheck(self)
        for operation in operations { try check.add(operation) }
        try check.finish()
        return check.fresh
    }

    /// Changes a text in place, and counts how large it is.
    private mutating func change<Result>(_ name: StateKey, _ body: (inout TextSequence) -> Result) -> Result {
        func measured(_ text: inout TextSequence) -> (Result, Int) {
            let before = text.size
            let result = body(&text)
            return (result, text.size - before)
        }
        let (result, growth) = measured(&texts[name, default: DocumentText()].sequence)
        totals.grow(by: growth)
        return result
    }

    /// Notes an operation that a text has taken.
    private mutating func note(_ operation: TextOperation) {
        vector.insert(operation.lastDot)
        if case .remove(let ranges) = operation.edit {
            texts[operation.text, default: DocumentText()].remember(.init(dot: operation.dot, ranges: ranges))
            removals.append((operation.dot, .text(operation.text)))
        }
    }

    /// Takes what this replica lacked of a text of another one. What is known has to be counted afterwards.
    ///
    /// - Returns: the removals that are new, and the edits.
    mutating func join(_ text: Delta.Text) -> (removals: [Dot], change: TextChange) {
        let removals = text.delta.removals.filter { !vector.contains($0.dot) }
        let known = vector
        let edits = change(text.name) { sequence in
            var edits = sequence.join(text.delta.pieces, known: known)
            for removal in removals { edits += sequence.remove(removal.ranges) }
            return edits
        }
        for removal in removals { texts[text.name]?.remember(removal) }
        return (removals.map(\.dot), TextChange(text: text.name, edits: edits))
    }
}

/// What came of texts from another replica and was new, or what was edited here, and what has changed with it.
struct AppliedTextOperations {
    var operations: [TextOperation] = []
    var changes: [TextChange] = []
}

/// Whether edits can have come from a replica that keeps the rules.
private struct TextCheck {
    private let document: Document
    private var known: VersionVector
    private var inserted: [StateKey: [DotRange]] = [:]
    private var bytes = 0
    private(set) var fresh: [TextOperation] = []

    init(_ document: Document) {
        self.document = document
        known = document.vector
    }

    mutating func add(_ operation: TextOperation) throws(StateViolation) {
        let dot = operation.dot
        if known.contains(dot) { return }
        try document.checkNext(dot, known)
        try document.limits.check(text: operation.text)
        switch operation.edit {
        case .insert(let string, let parent, _):
            let count = UInt64(string.unicodeScalars.count)
            if count == 0 { throw StateViolation("an edit inserts nothing") }
            if dot.counter > Dot.greatestCounter - count { throw .tooGreatCounter }
            bytes += string.utf8.count
            if let parent, !contains(operation.text, parent) { throw .missingParent }
            inserted[operation.text, default: []].append(.init(replica: dot.replica, first: dot.counter, count: count))
        case .remove(let ranges):
            if ranges.isEmpty { throw StateViolation("an edit removes nothing") }
            for range in ranges { try range.check(within: known) }
        }
        known.insert(operation.lastDot)
        fresh.append(operation)
    }

    /// Whether the limits allow all of it.
    func finish() throws(StateViolation) {
        try document.limits.check(known)
        try document.limits.check(values: document.totals.values, bytes: document.totals.bytes + bytes)
    }

    private func contains(_ text: StateKey, _ dot: Dot) -> Bool {
        if let sequence = document.texts[text]?.sequence, sequence.run(of: dot) != 0 { return true }
        return inserted[text]?.contains { $0.contains(dot) } ?? false
    }
}

extension DotRange {
    func contains(_ dot: Dot) -> Bool {
        replica == dot.replica && first <= dot.counter && dot.counter - first < count
    }

    func check(within known: VersionVector) throws(StateViolation) {
        guard first > 0, count > 0, let end, end - 1 <= known[replica] else {
            throw StateViolation("an edit removes characters that have not come before it")
        }
    }
}

extension StateViolation {
    static var missingParent: StateViolation {
        StateViolation("an edit inserts text beside a character that has not come before it")
    }
}

extension Delta.Text {
    /// How much larger the document becomes, for a receiver that knows certain operations; what it loses not counted.
    func size(lacking known: VersionVector) -> Int {
        delta.pieces.reduce(0) { size, piece in
            if known.contains(piece.dot) { return size }
            if case .text(let string) = piece.content { return size + string.utf8.count }
            return size + piece.count
        }
    }

    /// - Parameters:
    ///   - text: what the receiver has of it.
    ///   - vector: what the difference contains.
    ///   - known: what the receiver knows.
    func check(_ text: TextSequence?, in vector: VersionVector, _ known: VersionVector) throws(StateViolation) {
        var listed: [ReplicaID: [DotRange]] = [:]
        for piece in delta.pieces {
            let count = piece.count
            let range = DotRange(replica: piece.dot.replica, first: piece.dot.counter, count: UInt64(max(count, 0)))
            guard count > 0, count <= Int(Int32.max), range.first > 0, let end = range.end,
                end - 1 <= vector[range.replica]
            else { throw StateViolation("a difference has characters that it does not know") }
            let last = Dot(replica: range.replica, counter: end - 1)
            if known.contains(last) { continue }
            if let before = listed[range.replica]?.last?.end, before > range.first {
                throw StateViolation("a difference has the same characters twice, or later ones first")
            }
            let knownUpTo = known[range.replica]
            let isPartlyKnown = knownUpTo >= range.first
            let parent = isPartlyKnown ? Dot(replica: range.replica, counter: knownUpTo) : piece.parent
            if let parent, (text?.run(of: parent) ?? 0) == 0, !listed.contains(parent) { throw .missingParent }
            let first = isPartlyKnown ? knownUpTo + 1 : range.first
            listed[range.replica, default: []].append(.init(replica: range.replica, first: first, count: end - first))
        }
        for removal in delta.removals {
            if !vector.contains(removal.dot) { throw StateViolation("a difference has operations it does not know") }
            for range in removal.ranges { try range.check(within: vector) }
        }
    }
}

extension [ReplicaID: [DotRange]] {
    /// Whether a dot is in one of the ranges, which are in order.
    fileprivate func contains(_ dot: Dot) -> Bool {
        guard let ranges = self[dot.replica] else { return false }
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].first <= dot.counter { low = middle + 1 } else { high = middle }
        }
        return low > 0 && ranges[low - 1].contains(dot)
    }
}
