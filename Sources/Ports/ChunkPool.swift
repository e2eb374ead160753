import LinuxIO

/// Memory that was read into or gathered in and that nobody views any more, kept for what comes next: fresh memory
/// costs more than filling it, because the kernel clears each page.
///
/// Of the usual sizes a few blocks stay, 2.7 MiB in all for the process. More of the longer ones, for queues that fill
/// and empty again, up to 16 MiB, and larger ones, for messages that are larger, stay for a second or two after the last
/// use; but not in a program whose loops are all foreign ones, where nobody could give them back in time.
enum ChunkPool {
    /// What chunks of ordinary messages measure, from the quiet port to the busy one.
    static let sizes = [4 << 10, 16 << 10, 64 << 10, 256 << 10]
    /// How much memory there is behind the end of each block, for copies that are longer than what they are for.
    static let slack = 64
    private static let keptPerSize = 8
    /// In bytes, beyond those. None of the shortest: many ports at rest have let go of one each, and nobody is to wake up
    /// for that.
    private static let keptBriefly = 16 << 20
    private static let keptLarge = 2
    private static let patience = Duration.seconds(1)

    /// `@unchecked Sendable`: blocks in here are known to nobody else.
    private struct Shelves: @unchecked Sendable {
        var small = [[UnsafeMutableRawPointer]](repeating: [], count: sizes.count)
        /// In bytes: what the small ones are more than is kept for good.
        var surplus = 0
        var large: [(block: UnsafeMutableRawPointer, capacity: Int)] = []
        /// Some that will not stay.
        var passingWereUsed = false
        var clearingIsDue = false

        mutating func takeSmall(_ shelf: Int) -> UnsafeMutableRawPointer? {
            guard let block = small[shelf].popLast() else { return nil }
            if small[shelf].count >= keptPerSize {
                surplus -= sizes[shelf]
                passingWereUsed = true
            }
            return block
        }

        /// - Returns: whether it stays, and for good.
        mutating func putSmall(_ block: UnsafeMutableRawPointer, _ shelf: Int) -> (stays: Bool, forGood: Bool)
        {
            let forGood = small[shelf].count < keptPerSize
            if !forGood {
                if shelf == 0 || surplus + sizes[shelf] > keptBriefly { return (false, false) }
                surplus += sizes[shelf]
            }
            small[shelf].append(block)
            return (true, forGood)
        }

        /// In bytes.
        var kept: Int {
            zip(sizes, small).reduce(large.reduce(0) { $0 + $1.capacity }) { $0 + $1.0 * $1.1.count }
        }

        mutating func removePassing() -> [UnsafeMutableRawPointer] {
            var removed = large.map(\.block)
            large = []
            surplus = 0
            for shelf in small.indices where small[shelf].count > keptPerSize {
                removed += small[shelf][keptPerSize...]
                small[shelf].removeSubrange(keptPerSize...)
            }
            return removed
        }
    }

    private static let shelves = Lock(Shelves())

    /// In bytes.
    static var kept: Int { shelves.withLock(\.kept) }

    /// - Returns: a block of at least the capacity, and how much that is.
    static func take(_ capacity: Int) -> (UnsafeMutableRawPointer, Int) {
        let size = sizes.first { $0 >= capacity }
        let kept = shelves.withLock { shelves -> (UnsafeMutableRawPointer, Int)? in
            if let size {
                guard let shelf = sizes.firstIndex(of: size), let block = shelves.takeSmall(shelf)
                else { return nil }
                return (block, size)
            }
            shelves.passingWereUsed = true
            // Not one that is much too large for what would stay in it.
            guard let index = shelves.large.firstIndex(where: { capacity...2 * capacity ~= $0.capacity })
            else { return nil }
            let (block, capacity) = shelves.large.remove(at: index)
            return (block, capacity)
        }
        if let kept { return kept }
        let capacity = size ?? capacity
        return (.allocate(byteCount: capacity + slack, alignment: 16), capacity)
    }

    static func put(_ block: UnsafeMutableRawPointer, _ capacity: Int) {
        var mustClearLater = false
        let isKept = shelves.withLock { shelves in
            if let shelf = sizes.firstIndex(of: capacity) {
                let (stays, forGood) = shelves.putSmall(block, shelf)
                if !stays || forGood { return stays }
            } else {
                if capacity < sizes[sizes.count - 1] || shelves.large.count >= keptLarge { return false }
                shelves.large.append((block, capacity))
            }
            shelves.passingWereUsed = true
            mustClearLater = !shelves.clearingIsDue
            shelves.clearingIsDue = true
            return true
        }
        if !isKept { block.deallocate() }
        if mustClearLater { clearLater() }
    }

    /// A program that turns a loop of its own gets no thread for this: there nothing stays that is to go later.
    private static func clearLater() {
        guard let loop = EventLoop.existingShared else { return clear(evenIfUsed: true) }
        loop.reactor.schedule(after: patience) { clear(evenIfUsed: false) }
    }

    private static func clear(evenIfUsed: Bool) {
        var mustClearLater = false
        let blocks = shelves.withLock { shelves -> [UnsafeMutableRawPointer] in
            mustClearLater = shelves.passingWereUsed && !evenIfUsed
            shelves.clearingIsDue = mustClearLater
            shelves.passingWereUsed = false
            return mustClearLater ? [] : shelves.removePassing()
        }
        for block in blocks { block.deallocate() }
        if mustClearLater { clearLater() }
    }
}
