import Glibc

/// Memory straight from the kernel, for large blocks.
///
/// Asking for it can fail. Swift's own allocation cannot: it ends the process where there is no memory. Most often
/// what is short is address space (RLIMIT_AS, `ulimit -v`), which a block takes whole, before anything is in it.
package enum PageMemory {
    /// How much address space a block has to leave to all that cannot do without: what Swift allocates, threads.
    static let headroom = 16 << 20
    private static let pageSize = sysconf(Int32(_SC_PAGESIZE))

    /// - Returns: nil where there is no memory, or no more than the ``headroom``.
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

    /// Whether Swift could allocate so much: to be asked before it copies what is long by a peer's doing.
    package static func hasRoom(for count: Int) -> Bool {
        guard let block = allocate(count) else { return false }
        deallocate(block, count)
        return true
    }

    private static func wholePages(_ count: Int) -> Int {
        (count + pageSize - 1) & ~(pageSize - 1)
    }
}
