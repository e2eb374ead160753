import ConnectToLinux
import Glibc

/// Free memory blocks that were used for reading or gathering and have no views any more, kept for reuse: fresh memory
/// costs more than filling it, because the kernel clears each page.
///
/// A few blocks of each usual size stay for good, 2.7 MiB in all for the process. Others stay for a second or two after
/// the last use: up to 16 MiB of the longer usual sizes, for queues that fill and empty again, and up to 96 MiB of
/// larger blocks, for larger messages. These are not kept in a program whose loops are all foreign ones, since no timer
/// could release them in time.
enum ChunkPool {
    /// The sizes of chunks for ordinary messages, from the quiet port to the busy one.
    static let sizes = [4 << 10, 16 << 10, 64 << 10, 256 << 10]
    /// How much memory there is behind the end of each block, since some copies are longer than the bytes that they are
    /// made for.
    static let slack = 64
    private static let keptPerSize = 8
    /// In bytes, in addition to those. No blocks of the shortest size: many ports at rest have released one each, and
    /// no timer should wake up for these.
    private static let keptBriefly = 16 << 20
    /// In bytes: the longest message that a peer may send, and the smaller blocks in which it grew.
    private static let keptLarge = 96 << 20
    private static let patience = Duration.seconds(1)

    /// `@unchecked Sendable`: no other code refers to the blocks in here.
    private struct FreeLists: @unchecked Sendable {
        /// The free blocks of each of the ``sizes``.
        var small = [[UnsafeMutableRawPointer]](repeating: [], count: sizes.count)
        /// In bytes: the small blocks beyond those that are kept for good.
        var surplus = 0
        var large: [(block: UnsafeMutableRawPointer, capacity: Int)] = []
        /// The bytes in the large blocks.
        var keptLarge = 0
        /// Blocks that are kept only briefly were used since the last check.
        var passingWereUsed = false
        var clearingIsDue = false

        mutating func popSmall(_ sizeClass: Int) -> UnsafeMutableRawPointer? {
            guard let block = small[sizeClass].popLast() else { return nil }
            if small[sizeClass].count >= keptPerSize {
                surplus -= sizes[sizeClass]
                passingWereUsed = true
            }
            return block
        }

        /// - Returns: whether the block is kept, and whether it is kept for good.
        mutating func pushSmall(
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

        mutating func popLarge(_ capacity: Int) -> (UnsafeMutableRawPointer, Int)? {
            passingWereUsed = true
            // Do not use a block that is much too large for the data that would stay in it.
            guard let index = large.firstIndex(where: { capacity...2 * capacity ~= $0.capacity })
            else { return nil }
            let (block, capacity) = large.remove(at: index)
            keptLarge -= capacity
            return (block, capacity)
        }

        /// - Returns: whether the block is kept.
        mutating func pushLarge(_ block: UnsafeMutableRawPointer, _ capacity: Int) -> Bool {
            if keptLarge + capacity > ChunkPool.keptLarge { return false }
            large.append((block, capacity))
            keptLarge += capacity
            return true
        }

        /// The bytes in the blocks that are kept briefly.
        var passing: Int { surplus + keptLarge }

        /// The bytes in all blocks that are kept.
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

    /// The bytes in the blocks that are kept briefly, now.
    static var passing: Int { freeLists.withLock(\.passing) }

    /// The bytes in all blocks that are kept now.
    static var kept: Int { freeLists.withLock(\.kept) }

    /// - Returns: a block of at least the capacity, and its actual capacity; nil where there is no memory.
    static func acquire(_ capacity: Int) -> (UnsafeMutableRawPointer, Int)? {
        let sizeClass = sizes.firstIndex { $0 >= capacity }
        let kept = freeLists.withLock { lists -> (UnsafeMutableRawPointer, Int)? in
            guard let sizeClass else { return lists.popLarge(capacity) }
            return lists.popSmall(sizeClass).map { ($0, sizes[sizeClass]) }
        }
        if let kept { return kept }
        let capacity = sizeClass.map { sizes[$0] } ?? capacity
        if let block = allocate(capacity) { return (block, capacity) }
        // Release the blocks that are kept briefly: that may free enough memory.
        deallocate(freeLists.withLock { $0.removePassing() })
        return allocate(capacity).map { ($0, capacity) }
    }

    static func release(_ block: UnsafeMutableRawPointer, _ capacity: Int) {
        var mustClearLater = false
        let isKept = freeLists.withLock { lists in
            if let sizeClass = sizes.firstIndex(of: capacity) {
                let (stays, forGood) = lists.pushSmall(block, sizeClass)
                if !stays || forGood { return stays }
            } else if !lists.pushLarge(block, capacity) {
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

    /// Large blocks come directly from the kernel, and take memory page by page as data arrives.
    private static func isLarge(_ capacity: Int) -> Bool { capacity > sizes[sizes.count - 1] }

    /// Both calls can return nil, where Swift's own allocation would end the process.
    private static func allocate(_ capacity: Int) -> UnsafeMutableRawPointer? {
        isLarge(capacity) ? PageMemory.allocate(capacity + slack) : malloc(capacity + slack)
    }

    private static func deallocate(_ block: UnsafeMutableRawPointer, _ capacity: Int) {
        if isLarge(capacity) { PageMemory.deallocate(block, capacity + slack) } else { free(block) }
    }

    private static func deallocate(_ blocks: [(block: UnsafeMutableRawPointer, capacity: Int)]) {
        for (block, capacity) in blocks { deallocate(block, capacity) }
    }

    /// A program that turns a loop of its own gets no thread for this, so there the blocks are released at once.
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
