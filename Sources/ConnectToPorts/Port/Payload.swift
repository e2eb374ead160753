/// The bytes of one message: its own where they are few, else a view of the chunk they were read into.
///
/// Inlined where messages are read: what costs a few instructions would cost a hundred as a generic call.
///
/// `@unchecked Sendable`: what ``start`` points to is the chunk's, and does not change while there is a view of it.
@usableFromInline
struct Payload: @unchecked Sendable {
    /// No longer than this it has bytes of its own: one that is kept for long does not hold a chunk then, and one
    /// that is not costs no count of references.
    static let ownLimit = ChunkPool.slack

    /// In pieces of the size in which the processor moves them. A message is stored and loaded a few times on its way
    /// to the program, and a load that finds two stores in its place waits for both.
    @usableFromInline typealias Words = (SIMD2<UInt64>, SIMD2<UInt64>, SIMD2<UInt64>, SIMD2<UInt64>)

    /// Its own bytes, where ``start`` is nil.
    @usableFromInline let words: Words
    /// In the chunk. Here, so that reading need not count one reference more to that.
    @usableFromInline let start: UnsafeRawPointer?
    let chunk: Chunk?
    @usableFromInline let length: UInt32

    @inline(__always)
    init(_ chunk: Chunk, _ range: Range<Int>) {
        length = UInt32(truncatingIfNeeded: range.count)
        if range.count <= Self.ownLimit {
            // All of it, since a copy of a known length is a few instructions. The chunk has room behind its end.
            words = UnsafeRawPointer(chunk.base + range.lowerBound).loadUnaligned(as: Words.self)
            start = nil
            self.chunk = nil
        } else {
            words = (.zero, .zero, .zero, .zero)
            start = UnsafeRawPointer(chunk.base + range.lowerBound)
            self.chunk = chunk
        }
    }

    /// One of its own bytes, no more than ``ownLimit``.
    private init(own bytes: UnsafeRawBufferPointer) {
        var words: Words = (.zero, .zero, .zero, .zero)
        Swift.withUnsafeMutableBytes(of: &words) { $0.copyMemory(from: bytes) }
        self.words = words
        start = nil
        chunk = nil
        length = UInt32(truncatingIfNeeded: bytes.count)
    }

    @usableFromInline var count: Int { Int(length) }

    /// The rest of it.
    func dropFirst(_ count: Int) -> Payload {
        guard let chunk, let start else {
            return withUnsafeBytes { Payload(own: UnsafeRawBufferPointer(rebasing: $0.dropFirst(count))) }
        }
        let first = start - UnsafeRawPointer(chunk.base)
        return Payload(chunk, first + count..<first + self.count)
    }

    @inlinable
    func withUnsafeBytes<Result: ~Copyable, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        if let start {
            defer { withExtendedLifetime(self) {} }
            return try body(UnsafeRawBufferPointer(start: start, count: Int(length)))
        }
        return try Swift.withUnsafeBytes(of: words) { bytes throws(Failure) in
            try body(UnsafeRawBufferPointer(start: bytes.baseAddress, count: Int(length)))
        }
    }
}
