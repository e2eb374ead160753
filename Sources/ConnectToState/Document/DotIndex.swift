/// Where the operations of one replica stand that still say something, in the order of their numbers: what another
/// replica lacks is the end of it.
struct DotIndex: Sendable {
    private var entries: [(counter: UInt64, path: StatePath?)] = []
    private var gone = 0

    var isEmpty: Bool { entries.count == gone }

    /// - Parameter counter: a greater one than before.
    mutating func append(_ counter: UInt64, at path: StatePath) {
        entries.append((counter, path))
    }

    mutating func remove(_ counter: UInt64) {
        let index = firstIndex { $0 >= counter }
        guard index < entries.count, entries[index].counter == counter, entries[index].path != nil else { return }
        entries[index].path = nil
        gone += 1
        if gone > 16, gone > entries.count / 2 {
            entries.removeAll { $0.path == nil }
            gone = 0
        }
    }

    /// The paths of the operations after a number.
    func paths(after counter: UInt64) -> some Sequence<StatePath> {
        entries[firstIndex { $0 > counter }...].lazy.compactMap(\.path)
    }

    /// - Parameter isReached: whether a number is among those looked for; if so, all greater ones are too.
    private func firstIndex(where isReached: (UInt64) -> Bool) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if isReached(entries[middle].counter) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
