/// The bytes of one message: its own where they are few, else a view of the chunk they were read into.
///
/// Inlined where messages are read: what costs a few instructions would cost a hundred as a generic call.
@usableFromInline
enum Payload: Sendable {
    case short(ShortBytes)
    case view(Chunk, Range<Int>)

    @inline(__always)
    init(_ chunk: Chunk, _ range: Range<Int>) {
        if range.count <= ShortBytes.capacity {
            self = .short(ShortBytes(chunk, range))
        } else {
            self = .view(chunk, range)
        }
    }

    init(copying bytes: some Collection<UInt8>) {
        self.init(Chunk(copying: bytes), 0..<bytes.count)
    }

    var count: Int {
        switch self {
        case .short(let bytes): Int(bytes.count)
        case .view(_, let range): range.count
        }
    }

    /// The rest of it.
    func dropFirst(_ count: Int) -> Payload {
        switch self {
        case .short(let bytes): Payload(copying: bytes.withUnsafeBytes { Array($0.dropFirst(count)) })
        case .view(let chunk, let range): Payload(chunk, range.dropFirst(count))
        }
    }

    @inlinable
    func withUnsafeBytes<Result: ~Copyable, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        switch self {
        case .short(let bytes):
            return try bytes.withUnsafeBytes(body)
        case .view(let chunk, let range):
            defer { withExtendedLifetime(chunk) {} }
            return try body(UnsafeRawBufferPointer(start: chunk.base + range.lowerBound, count: range.count))
        }
    }
}

/// A few bytes without an allocation: one that is kept for long does not hold a chunk, and one that is not
/// costs no count of references.
@usableFromInline
struct ShortBytes: Sendable {
    static let capacity = ChunkPool.slack

    @usableFromInline typealias Words = (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)

    @usableFromInline let words: Words
    @usableFromInline let count: UInt8

    /// - Parameter range: at most ``capacity`` long.
    @inline(__always)
    init(_ chunk: Chunk, _ range: Range<Int>) {
        // All of it, since a copy of a known length is a few instructions. The chunk has room behind its end.
        words = UnsafeRawPointer(chunk.base + range.lowerBound).loadUnaligned(as: Words.self)
        count = UInt8(truncatingIfNeeded: range.count)
    }

    @inlinable
    func withUnsafeBytes<Result: ~Copyable, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try Swift.withUnsafeBytes(of: words) { bytes throws(Failure) in
            try body(UnsafeRawBufferPointer(start: bytes.baseAddress, count: Int(count)))
        }
    }
}
