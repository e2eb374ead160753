import ConnectToLinux
import Glibc

/// Memory that was read into or gathered in and that nobody views any more, kept for what comes next: fresh memory
/// costs more than filling it, because the kernel clears each page.
///
/// Of the usual sizes a few blocks stay, 2.7 MiB in all for the process. More of the longer ones, for queues that fill
/// and empty again, up to 16 MiB, and larger ones, for messages that are larger, up to 96 MiB, stay for a second or two
/// after the last use; but not in a program whose loops are all foreign ones, where nobody could give them back in time.
enum ChunkPool {
    /// What chunks of ordinary messages measure, from the quiet port to the busy one.
    static let sizes = [4 << 10, 16 << 10, 64 << 10, 256 << 10]
    /// How much memory there is behind the end of each block, for copies that are longer than what they are for.
    static let slack = 64
    private static let keptPerSize = 8
    /// In bytes, beyond those. None of the shortest: many ports at rest have let go of one each, and nobody is to wake
    /// up for that.
    private static let keptBriefly = 16 << 20
    /// In bytes: the longest message that every peer may send, and the smaller blocks that it grew in.
    private static let keptLarge = 96 << 20
    private static let patience = Duration.seconds(1)

    /// `@unchecked Sendable`: blocks in here are known to nobody else.
    private struct FreeLists: @unchecked Sendable {
        /// By size.
        var small = [[UnsafeMutableRawPointer]](repeating: [], count: sizes.count)
        /// In bytes: what the small ones are more than is kept for good.
        var surplus = 0
        var large: [(block: UnsafeMutableRawPointer, capacity: Int)] = []
        /// In bytes.
        var keptLarge = 0
        /// Some that will not stay.
        var passingWereUsed = false
        var clearingIsDue = false

        mutating func takeSmall(_ sizeClass: Int) -> UnsafeMutableRawPointer? {
            guard let block = small[sizeClass].popLast() else { return nil }
            if small[sizeClass].count >= keptPerSize {
                surplus -= sizes[sizeClass]
                passingWereUsed = true
            }
            return block
        }

        /// - Returns: whether it stays, and for good.
        mutating func putSmall(
            _ block: UnsafeMutableRawPointer, _ sizeClass: Int
        ) -> (stays: Bool, forGood: Bool) {
            let forGood = small[sizeClass].count < keptPerSize
            if !forGood {
                if sizeClass == 0 || surplus + sizes[sizeClass] > keptBriefly { return (false, false) }
                surplus += sizes[sizeClass]
            }
            small[sizeClass].append(block)
            return (true, forGood)
        }

        mutating func takeLarge(_ capacity: Int) -> (UnsafeMutableRawPointer, Int)? {
            passingWereUsed = true
            // Not one that is much too large for what would stay in it.
            guard let index = large.firstIndex(where: { capacity...2 * capacity ~= $0.capacity })
            else { return nil }
            let (block, capacity) = large.remove(at: index)
            keptLarge -= capacity
            return (block, capacity)
        }

        /// - Returns: whether it stays.
        mutating func putLarge(_ block: UnsafeMutableRawPointer, _ capacity: Int) -> Bool {
            if keptLarge + capacity > ChunkPool.keptLarge { return false }
            large.append((block, capacity))
            keptLarge += capacity
            return true
        }

        /// In bytes.
        var kept: Int { zip(sizes, small).reduce(keptLarge) { $0 + $1.0 * $1.1.count } }

        mutating func removePassing() -> [(block: UnsafeMutableRawPointer, capacity: Int)] {
            var removed = large
            large = []
            keptLarge = 0
            surplus = 0
            for sizeClass in small.indices where small[sizeClass].count > keptPerSize {
                removed += small[sizeClass][keptPerSize...].map { ($0, sizes[sizeClass]) }
                small[sizeClass].removeSubrange(keptPerSize...)
            }
            return removed
        }
    }

    private static let freeLists = Lock(FreeLists())

    /// In bytes.
    static var kept: Int { freeLists.withLock(\.kept) }

    /// - Returns: a block of at least the capacity, and how much that is; nil where there is no memory.
    static func take(_ capacity: Int) -> (UnsafeMutableRawPointer, Int)? {
        let sizeClass = sizes.firstIndex { $0 >= capacity }
        let kept = freeLists.withLock { lists -> (UnsafeMutableRawPointer, Int)? in
            guard let sizeClass else { return lists.takeLarge(capacity) }
            return lists.takeSmall(sizeClass).map { ($0, sizes[sizeClass]) }
        }
        if let kept { return kept }
        let capacity = sizeClass.map { sizes[$0] } ?? capacity
        if let block = allocate(capacity) { return (block, capacity) }
        // What is kept for later is of use now.
        deallocate(freeLists.withLock { $0.removePassing() })
        return allocate(capacity).map { ($0, capacity) }
    }

    static func put(_ block: UnsafeMutableRawPointer, _ capacity: Int) {
        var mustClearLater = false
        let isKept = freeLists.withLock { lists in
            if let sizeClass = sizes.firstIndex(of: capacity) {
                let (stays, forGood) = lists.putSmall(block, sizeClass)
                if !stays || forGood { return stays }
            } else if !lists.putLarge(block, capacity) {
                return false
            }
            lists.passingWereUsed = true
            mustClearLater = !lists.clearingIsDue
            lists.clearingIsDue = true
            return true
        }
        if !isKept { deallocate(block, capacity) }
        if mustClearLater { clearLater() }
    }

    /// Large ones come straight from the kernel, and take memory page by page as data arrives.
    private static func isLarge(_ capacity: Int) -> Bool { capacity > sizes[sizes.count - 1] }

    /// Both ways can fail, other than Swift's.
    private static func allocate(_ capacity: Int) -> UnsafeMutableRawPointer? {
        isLarge(capacity) ? PageMemory.allocate(capacity + slack) : malloc(capacity + slack)
    }

    private static func deallocate(_ block: UnsafeMutableRawPointer, _ capacity: Int) {
        if isLarge(capacity) { PageMemory.deallocate(block, capacity + slack) } else { free(block) }
    }

    private static func deallocate(_ blocks: [(block: UnsafeMutableRawPointer, capacity: Int)]) {
        for (block, capacity) in blocks { deallocate(block, capacity) }
    }

    /// A program that turns a loop of its own gets no thread for this: there nothing stays that is to go later.
    private static func clearLater() {
        guard let loop = EventLoop.existingShared else { return clear(evenIfUsed: true) }
        loop.reactor.schedule(after: patience) { clear(evenIfUsed: false) }
    }

    private static func clear(evenIfUsed: Bool) {
        var mustClearLater = false
        let removed = freeLists.withLock { lists -> [(block: UnsafeMutableRawPointer, capacity: Int)] in
            mustClearLater = lists.passingWereUsed && !evenIfUsed
            lists.clearingIsDue = mustClearLater
            lists.passingWereUsed = false
            return mustClearLater ? [] : lists.removePassing()
        }
        deallocate(removed)
        if mustClearLater { clearLater() }
    }
}
