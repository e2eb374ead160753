import LinuxIO

/// Memory that input was read into and that nobody views any more, kept for what is read next: fresh memory
/// costs more than reading into it, because the kernel clears each page.
///
/// Of the usual sizes a few blocks stay, 2.7 MiB in all for the process. Larger ones, for messages that are
/// larger, stay for a second or two after the last use.
enum ChunkPool {
    /// What chunks of ordinary messages measure, from the quiet port to the busy one.
    static let sizes = [4 << 10, 16 << 10, 64 << 10, 256 << 10]
    /// How much memory there is behind the end of each block, for copies that are longer than what they are for.
    static let slack = 64
    private static let keptPerSize = 8
    private static let keptLarge = 2
    private static let patience = Duration.seconds(1)

    /// `@unchecked Sendable`: blocks in here are known to nobody else.
    private struct Shelves: @unchecked Sendable {
        var small = [[UnsafeMutableRawPointer]](repeating: [], count: sizes.count)
        var large: [(block: UnsafeMutableRawPointer, capacity: Int)] = []
        var largeWasUsed = false
        var clearingIsDue = false
    }

    private static let shelves = Lock(Shelves())

    /// - Returns: a block of at least the capacity, and how much that is.
    static func take(_ capacity: Int) -> (UnsafeMutableRawPointer, Int) {
        let size = sizes.first { $0 >= capacity }
        let kept = shelves.withLock { shelves -> (UnsafeMutableRawPointer, Int)? in
            if let size {
                guard let shelf = sizes.firstIndex(of: size), let block = shelves.small[shelf].popLast()
                else { return nil }
                return (block, size)
            }
            shelves.largeWasUsed = true
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
                if shelves.small[shelf].count >= keptPerSize { return false }
                shelves.small[shelf].append(block)
                return true
            }
            if capacity < sizes[sizes.count - 1] || shelves.large.count >= keptLarge { return false }
            shelves.large.append((block, capacity))
            shelves.largeWasUsed = true
            mustClearLater = !shelves.clearingIsDue
            shelves.clearingIsDue = true
            return true
        }
        if !isKept { block.deallocate() }
        if mustClearLater { clearLater() }
    }

    private static func clearLater() {
        guard let loop = try? EventLoop.shared else { return clear(evenIfUsed: true) }
        loop.reactor.schedule(after: patience) { clear(evenIfUsed: false) }
    }

    private static func clear(evenIfUsed: Bool) {
        var mustClearLater = false
        let blocks = shelves.withLock { shelves -> [UnsafeMutableRawPointer] in
            mustClearLater = shelves.largeWasUsed && !evenIfUsed
            shelves.clearingIsDue = mustClearLater
            shelves.largeWasUsed = false
            if mustClearLater { return [] }
            defer { shelves.large = [] }
            return shelves.large.map(\.block)
        }
        for block in blocks { block.deallocate() }
        if mustClearLater { clearLater() }
    }
}
