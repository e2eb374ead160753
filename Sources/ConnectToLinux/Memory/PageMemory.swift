import Glibc

/// Large blocks of memory, mapped by the kernel directly.
///
/// This allocation can fail, where Swift's own ends the process. What runs short is most often address space
/// (RLIMIT_AS, `ulimit -v`), which a block takes up whole, before any byte of it is used.
public enum PageMemory {
    /// How much address space a block has to leave for allocations that cannot fail: Swift's own, and threads.
    static let headroom = 16 << 20
    private static let pageSize = sysconf(Int32(_SC_PAGESIZE))

    /// - Returns: nil where memory is short, or the block would leave less than the ``headroom``.
    package static func allocate(_ count: Int) -> UnsafeMutableRawPointer? {
        let size = wholePages(count)
        let block = mmap(nil, size + headroom, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let block, block != UnsafeMutableRawPointer(bitPattern: -1) else { return nil }
        munmap(block + size, headroom)
        return block
    }

    package static func deallocate(_ block: UnsafeMutableRawPointer, _ count: Int) {
        munmap(block, wholePages(count))
    }

    /// Whether Swift could allocate this many bytes. To be asked before Swift copies data whose length a peer chose.
    public static func hasRoom(for count: Int) -> Bool {
        guard let block = allocate(count) else { return false }
        deallocate(block, count)
        return true
    }

    private static func wholePages(_ count: Int) -> Int {
        (count + pageSize - 1) & ~(pageSize - 1)
    }
}
