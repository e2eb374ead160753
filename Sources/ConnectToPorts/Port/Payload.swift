/// The bytes of one message: stored inside where they are few, otherwise a view of the chunk they were read into.
///
/// Its parts are inlined where messages are read: a few instructions would become a hundred in a generic call.
///
/// `@unchecked Sendable`: ``start`` points into the chunk, whose bytes do not change while a view of them exists.
@usableFromInline
struct Payload: @unchecked Sendable {
    /// A payload up to this length is stored inside. So a short message that is kept for long does not keep a chunk in
    /// memory, and one that is not kept costs no reference counting.
    static let ownLimit = ChunkPool.slack

    /// Pieces of the size in which the processor moves memory. A message is stored and loaded several times on its way
    /// to the program, and a load that covers two separate stores has to wait for both.
    @usableFromInline typealias Words = (SIMD2<UInt64>, SIMD2<UInt64>, SIMD2<UInt64>, SIMD2<UInt64>)

    /// The bytes stored inside, used where ``start`` is nil.
    @usableFromInline let words: Words
    /// The payload's address in the chunk. Kept here, so that reading does not retain the chunk once more.
    @usableFromInline let start: UnsafeRawPointer?
    let chunk: Chunk?
    @usableFromInline let length: UInt32

    @inline(__always)
    init(_ chunk: Chunk, _ range: Range<Int>) {
        length = UInt32(truncatingIfNeeded: range.count)
        if range.count <= Self.ownLimit {
            // Copy the full size, since a copy of a known length takes few instructions. The chunk has room behind its
            // end.
            words = UnsafeRawPointer(chunk.base + range.lowerBound).loadUnaligned(as: Words.self)
            start = nil
            self.chunk = nil
        } else {
            words = (.zero, .zero, .zero, .zero)
            start = UnsafeRawPointer(chunk.base + range.lowerBound)
            self.chunk = chunk
        }
    }

    /// A payload stored inside; at most ``ownLimit`` bytes.
    private init(own bytes: UnsafeRawBufferPointer) {
        var words: Words = (.zero, .zero, .zero, .zero)
        Swift.withUnsafeMutableBytes(of: &words) { $0.copyMemory(from: bytes) }
        self.words = words
        start = nil
        chunk = nil
        length = UInt32(truncatingIfNeeded: bytes.count)
    }

    @usableFromInline var count: Int { Int(length) }

    /// The payload without its first bytes.
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
