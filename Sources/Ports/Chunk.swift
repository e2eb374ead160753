/// A piece of memory that input is read into and that messages are views of.
///
/// Freed when the last view is gone.
///
/// `@unchecked Sendable`: bytes are written by the port's reader before any view of them exists and never
/// again while one does, so whoever holds a view only reads.
@usableFromInline
final class Chunk: @unchecked Sendable {
    @usableFromInline let base: UnsafeMutableRawPointer
    let capacity: Int

    var memory: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(start: base, count: capacity) }

    /// Large ones that are new come straight from the kernel and take memory page by page as data arrives, so that a
    /// peer who announces much and sends little costs nothing.
    ///
    /// There are ``ChunkPool/slack`` readable bytes behind the end: a ``Payload`` copies so many, however short it is.
    init(capacity: Int) {
        (base, self.capacity) = ChunkPool.take(capacity)
    }

    convenience init(copying bytes: some Collection<UInt8>) {
        self.init(capacity: bytes.count)
        memory.copyBytes(from: bytes)
    }

    deinit {
        ChunkPool.put(base, capacity)
    }
}
