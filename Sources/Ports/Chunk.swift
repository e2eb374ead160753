/// A piece of memory that input is read into and that messages are views of.
///
/// Freed when the last view is gone.
///
/// `@unchecked Sendable`: bytes are written by the port's reader before any view of them exists and never
/// again afterwards, so whoever holds a view only reads.
final class Chunk: @unchecked Sendable {
    let memory: UnsafeMutableRawBufferPointer

    init(capacity: Int) {
        // Large ones come straight from the kernel and take memory page by page as data arrives, so that a
        // peer who announces much and sends little costs nothing.
        memory = .allocate(byteCount: capacity, alignment: 16)
    }

    deinit {
        memory.deallocate()
    }
}

/// The bytes of one message: owned outright where they are few, else a view of the chunk they were read into.
enum Payload: Sendable {
    case array([UInt8])
    case view(Chunk, Range<Int>)

    /// Up to this many bytes are copied out, so that a short message kept for long does not hold a chunk.
    static let copyLimit = 4096

    var count: Int {
        switch self {
        case .array(let bytes): bytes.count
        case .view(_, let range): range.count
        }
    }

    /// The rest of it.
    func dropFirst(_ count: Int) -> Payload {
        switch self {
        case .array(let bytes): .array(Array(bytes.dropFirst(count)))
        case .view(let chunk, let range) where range.count - count <= Self.copyLimit:
            .array([UInt8](chunk.memory[range.dropFirst(count)]))
        case .view(let chunk, let range): .view(chunk, range.dropFirst(count))
        }
    }

    func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        switch self {
        case .array(let bytes):
            return try bytes.withBytes(body)
        case .view(let chunk, let range):
            defer { withExtendedLifetime(chunk) {} }
            return try body(UnsafeRawBufferPointer(rebasing: chunk.memory[range]))
        }
    }
}
