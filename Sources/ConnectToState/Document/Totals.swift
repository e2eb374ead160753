/// What a document holds in numbers, kept up to date with each change, so that nobody has to walk through it.
struct Totals: Hashable, Sendable {
    /// The values, also those that are not shown.
    private(set) var values = 0
    /// The paths that have values.
    private(set) var paths = 0
    /// The bytes of the values and of their paths, and the size of the texts.
    private(set) var bytes = 0
    /// The sum of the fingerprints of all values: the same in replicas that hold the same.
    private(set) var fingerprint: UInt64 = 0

    /// The values that stand beside another one at the same path.
    var conflicts: Int { values - paths }

    /// - Parameter isFirst: whether it is the only one at its path.
    mutating func add(_ sibling: Sibling, at path: StatePath, isFirst: Bool) {
        values += 1
        if isFirst { paths += 1 }
        bytes += path.byteCount + sibling.value.byteCount
        fingerprint &+= sibling.fingerprint(at: path)
    }

    /// A text has become so much larger.
    mutating func grow(by bytes: Int) {
        self.bytes += bytes
    }

    /// - Parameter isLast: whether there is none at its path now.
    mutating func remove(_ sibling: Sibling, at path: StatePath, isLast: Bool) {
        values -= 1
        if isLast { paths -= 1 }
        bytes -= path.byteCount + sibling.value.byteCount
        fingerprint &-= sibling.fingerprint(at: path)
    }
}

extension StateValue {
    /// How much a value counts where a document's bytes are limited: 8 for each value, also those inside, and the bytes
    /// of strings and keys.
    var byteCount: Int {
        switch self {
        case .null, .bool, .integer, .number: 8
        case .string(let value): 8 + value.utf8.count
        case .array(let values): values.reduce(8) { $0 + $1.byteCount }
        case .object(let members): members.reduce(8) { $0 + $1.key.utf8.count + $1.value.byteCount }
        }
    }
}

extension Node {
    /// Replaces values at a path, and tells of removals there.
    ///
    /// - Parameter isReplaced: whether a value that is there goes.
    /// - Returns: those that have gone.
    mutating func replace(
        at path: StatePath, with new: [Sibling] = [], removals: [Dot] = [], _ totals: inout Totals,
        where isReplaced: (Sibling) -> Bool
    ) -> [Dot] {
        change(at: path.steps[...]) { node in
            var replaced: [Dot] = []
            while let index = node.siblings.firstIndex(where: isReplaced) {
                let sibling = node.siblings.remove(at: index)
                totals.remove(sibling, at: path, isLast: node.siblings.isEmpty)
                replaced.append(sibling.dot)
            }
            for sibling in new {
                totals.add(sibling, at: path, isFirst: node.siblings.isEmpty)
                node.insert(sibling)
            }
            node.removals += removals
            return replaced
        }
    }
}
