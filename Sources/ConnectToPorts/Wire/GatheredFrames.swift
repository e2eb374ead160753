import Glibc

/// Encoded frames, one after the other, as they are sent on a line.
///
/// `@unchecked Sendable`: only a sole owner appends, either the queue of one line within its lock or a
/// ``MessageBatch``; bytes that are there already never change.
final class GatheredFrames: @unchecked Sendable {
    private static let size = 64 << 10
    private static let shortSize = 4 << 10

    private let chunk: Chunk
    // The chunk's values, copied here so that each takes one load.
    private let base: UnsafeMutableRawPointer
    private let capacity: Int
    private(set) var count = 0

    /// How many more bytes fit.
    var room: Int { capacity &- count }

    /// - Parameter isShort: whether few frames are expected.
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

    /// - Returns: false where the frame does not fit.
    @inline(__always)
    func append(_ header: FrameHeader, _ payload: UnsafeRawBufferPointer) -> Bool {
        let start = count + FrameHeader.size
        guard payload.count <= capacity &- start else { return false }
        base.storeBytes(of: header.encoded, toByteOffset: count, as: UInt64.self)
        if let source = payload.baseAddress { memcpy(base + start, source, payload.count) }
        count = start + payload.count
        return true
    }

    /// Removes all frames. Only for a sole owner.
    func removeAll() {
        count = 0
    }
}
