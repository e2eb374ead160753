import Glibc

/// Frames as they go over a line, one after the other.
///
/// `@unchecked Sendable`: only who has it alone appends, the queue of one line within its lock or a ``MessageBatch``;
/// what is there already never changes.
final class GatheredFrames: @unchecked Sendable {
    private static let size = 64 << 10
    private static let shortSize = 4 << 10

    private let chunk: Chunk
    // The chunk's, here so that they are one step away.
    private let base: UnsafeMutableRawPointer
    private let capacity: Int
    private(set) var count = 0

    /// How much more fits.
    var room: Int { capacity &- count }

    /// - Parameter isShort: whether few are expected.
    init(
        beginningWith header: FrameHeader, _ payload: UnsafeRawBufferPointer, isShort: Bool = false
    ) throws(OutOfMemory) {
        chunk = try Chunk(
            capacity: max(isShort ? Self.shortSize : Self.size, FrameHeader.size + payload.count))
        base = chunk.base
        capacity = chunk.capacity
        _ = append(header, payload)
    }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    /// - Returns: false where it does not fit any more.
    @inline(__always)
    func append(_ header: FrameHeader, _ payload: UnsafeRawBufferPointer) -> Bool {
        let start = count + FrameHeader.size
        guard payload.count <= capacity &- start else { return false }
        base.storeBytes(of: header.encoded, toByteOffset: count, as: UInt64.self)
        if let source = payload.baseAddress { memcpy(base + start, source, payload.count) }
        count = start + payload.count
        return true
    }

    /// Forgets them. Only where nobody else has a reference.
    func removeAll() {
        count = 0
    }
}
