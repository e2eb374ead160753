/// Cuts a stream of bytes into frames; does no I/O.
///
/// The caller receives into ``room()``, says how much came by ``didReceive(_:)``, and takes frames with
/// ``next()`` until there is none. A quiet port holds no memory here.
struct FrameReader {
    struct Frame {
        var kind: FrameKind
        var payload: Payload
    }

    private static let chunkSize = 64 << 10

    private let lengthLimit: Int
    private var chunk: Chunk?
    /// In the chunk: what is before `taken` has been cut, what is before `filled` has been received.
    private var taken = 0
    private var filled = 0
    private var header: FrameHeader?

    init(lengthLimit: Int) {
        self.lengthLimit = lengthLimit
    }

    /// Where the next bytes are to be put; never empty. Valid until the next call.
    mutating func room() -> UnsafeMutableRawBufferPointer {
        let needed = header.map { $0.length } ?? FrameHeader.size
        if let chunk, filled < chunk.memory.count, chunk.memory.count - taken >= needed {
            return UnsafeMutableRawBufferPointer(rebasing: chunk.memory[filled...])
        }
        // The frame at hand does not fit behind what has been cut: it begins a new chunk.
        let next = Chunk(capacity: max(Self.chunkSize, needed))
        if let chunk, filled > taken {
            next.memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: chunk.memory[taken..<filled]))
        }
        filled -= taken
        taken = 0
        chunk = next
        return UnsafeMutableRawBufferPointer(rebasing: next.memory[filled...])
    }

    mutating func didReceive(_ count: Int) {
        filled += count
    }

    /// The next whole frame, or nil until more has come.
    mutating func next() throws(ProtocolViolation) -> Frame? {
        guard let chunk else { return nil }
        if header == nil {
            guard filled - taken >= FrameHeader.size else {
                rest()
                return nil
            }
            header = try FrameHeader(
                decoding: UnsafeRawBufferPointer(rebasing: chunk.memory[taken..<filled]),
                lengthLimit: lengthLimit)
            taken += FrameHeader.size
        }
        guard let header, filled - taken >= header.length else {
            return nil
        }
        let range = taken..<taken + header.length
        taken += header.length
        self.header = nil
        let payload: Payload =
            range.count <= Payload.copyLimit
            ? .array([UInt8](chunk.memory[range])) : .view(chunk, range)
        return Frame(kind: header.kind, payload: payload)
    }

    /// Whether the stream stands in the middle of a frame.
    var isInsideFrame: Bool { header != nil || filled > taken }

    /// Lets the chunk go while nothing is in it.
    private mutating func rest() {
        guard filled == taken else { return }
        chunk = nil
        taken = 0
        filled = 0
    }
}
