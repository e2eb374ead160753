/// Memory that input is read into and that messages are views of.
///
/// Freed when the last view is gone.
///
/// `@unchecked Sendable`: the port's reader writes bytes before any view of them exists, and never again while a view
/// exists. So code that holds a view only reads.
@usableFromInline
final class Chunk: @unchecked Sendable {
    @usableFromInline let base: UnsafeMutableRawPointer
    let capacity: Int

    var memory: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(start: base, count: capacity) }

    /// There are ``ChunkPool/slack`` readable bytes behind the end: a ``Payload`` copies that many, however short it
    /// is.
    init(capacity: Int) throws(OutOfMemory) {
        guard let block = ChunkPool.acquire(capacity) else { throw OutOfMemory(size: capacity) }
        (base, self.capacity) = block
    }

    deinit {
        ChunkPool.release(base, capacity)
    }
}
