import ConnectToLinux
import DequeModule

/// Cuts a stream of bytes into frames; does no I/O.
///
/// The caller receives bytes into ``room(atMost:)``, reports them with ``didReceive(_:_:)``, and takes plain
/// messages with ``nextRun(atMost:size:)`` and all other frames with ``next()`` until there is none.
struct FrameReader {
    struct Frame {
        var kind: FrameKind
        var payload: Payload
        /// As many descriptors as the header declared; nil if the payload has no transfer table.
        var descriptors: [Descriptor]?
    }

    private let lengthLimit: Int
    private var chunk: Chunk?
    /// Offsets in the chunk: bytes before `cut` have been cut into frames, bytes before `filled` have been received.
    private var cut = 0
    private var filled = 0
    /// The header of the frame that begins at `cut`, once it has been read.
    private var header: FrameHeader?
    /// The descriptors of that frame.
    private var ownDescriptors: [Descriptor] = []
    /// Descriptors of frames whose headers have not been read yet.
    private var descriptors: Deque<Descriptor> = []
    /// How large the next chunk will be: larger for a stream that fills its chunks, or that has sent a long message.
    private var chunkSize = ChunkPool.sizes[0]
    /// The most room that is made for messages of which no byte has arrived.
    private static let largestChunk = 2 << 20
    /// The room for a frame is at most this many times the bytes of it that have arrived.
    private static let growth = 4

    init(lengthLimit: Int) {
        self.lengthLimit = lengthLimit
    }

    /// Where to put the next bytes; never empty. Valid until the next call.
    ///
    /// Announcing a length costs the peer nothing, so a header reserves no memory, not even address space. A long frame
    /// begins in a small chunk, and whenever it has filled one, moves to a chunk that is at most four times as large.
    /// So most of its bytes are copied only once.
    ///
    /// - Parameter limit: the most room that is made for frames of which no byte has arrived.
    mutating func room(atMost limit: Int = .max) throws(OutOfMemory) -> UnsafeMutableRawBufferPointer {
        let needed = FrameHeader.size + (header?.length ?? 0)
        if let chunk, filled < chunk.memory.count {
            let isEnough = chunk.memory.count - cut >= needed
            // Do not use only the last few bytes of a chunk, unless they complete the frame at hand, or that frame has
            // the chunk to itself.
            if isEnough ? header != nil || chunk.memory.count - filled >= chunk.memory.count / 4 : cut == 0 {
                return UnsafeMutableRawBufferPointer(rebasing: chunk.memory[filled...])
            }
        }
        // The frame at hand does not fit behind the bytes that have been cut, or has filled its chunk: it moves to a
        // new one.
        let size = min(chunkSize, limit)
        let next = try Chunk(capacity: max(size, step(to: needed)))
        if let chunk, filled > cut {
            next.memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: chunk.memory[cut..<filled]))
        }
        filled -= cut
        cut = 0
        chunk = next
        return UnsafeMutableRawBufferPointer(rebasing: next.memory[filled...])
    }

    /// The next of the sizes by which a frame grows to its full length. The steps are such that the last one copies
    /// about a quarter of the frame, and not all of it.
    private func step(to needed: Int) -> Int {
        var size = needed
        while size / Self.growth > held { size /= Self.growth }
        return size
    }

    /// How many bytes the frame at hand lacks; while its header is incomplete, how many bytes the header lacks.
    var missing: Int {
        FrameHeader.size + (header?.length ?? 0) - (filled - cut)
    }

    /// How many descriptors are held for frames that have not been cut yet.
    var descriptorCount: Int { ownDescriptors.count + descriptors.count }

    mutating func didReceive(_ count: Int, _ descriptors: [Descriptor] = []) {
        filled += count
        if !descriptors.isEmpty { self.descriptors.append(contentsOf: descriptors) }
        let sizes = ChunkPool.sizes
        if let chunk, filled == chunk.memory.count {
            chunkSize = sizes.first { $0 > chunkSize } ?? chunkSize
            // After one long message has arrived completely, others of its length are likely to follow.
            let length = header.map { FrameHeader.size + $0.length } ?? 0
            if length <= min(held, Self.largestChunk) { chunkSize = max(chunkSize, length) }
        } else if count < chunkSize / 16 {
            chunkSize = sizes.last { $0 < chunkSize } ?? sizes[0]
        }
    }

    /// The whole messages that have arrived and transfer nothing, up to the next frame of any other kind.
    ///
    /// - Parameters:
    ///   - count: the most messages.
    ///   - size: the most bytes of frames; the first message may be longer.
    @inline(never)  // Called once a read; apart, it can be counted.
    mutating func nextRun(atMost count: Int, size: Int) -> MessageRun? {
        guard let chunk, filled - cut >= FrameHeader.size else { return nil }
        if let header, !header.kind.isMessage || header.descriptors != nil { return nil }
        var end = cut
        var found = 0
        while found < count, filled &- end >= FrameHeader.size {
            let word = chunk.memory.loadUnaligned(fromByteOffset: end, as: UInt64.self)
            guard let length = FrameHeader.plainMessageLength(UInt64(littleEndian: word)),
                length <= lengthLimit, filled &- end &- FrameHeader.size >= length
            else { break }
            let next = end &+ FrameHeader.size &+ length
            if found > 0, next &- cut > size { break }
            end = next
            found &+= 1
        }
        if found == 0 { return nil }
        defer {
            cut = end
            header = nil
        }
        return MessageRun(chunk: chunk, range: cut..<end, count: found)
    }

    /// The next whole frame, or nil until more bytes have arrived.
    mutating func next() throws(ProtocolViolation) -> Frame? {
        guard let chunk else { return nil }
        if header == nil {
            guard filled - cut >= FrameHeader.size else {
                try expectDescriptorsOfOneFrame()
                return nil
            }
            let next = try FrameHeader(
                decoding: UnsafeRawBufferPointer(rebasing: chunk.memory[cut..<filled]),
                lengthLimit: lengthLimit)
            // Descriptors ride on the frame's first byte, so they arrive before its header is complete.
            let count = next.descriptors ?? 0
            guard descriptors.count >= count else {
                throw ProtocolViolation("it sent a frame without the descriptors that the frame declares")
            }
            ownDescriptors = Array(descriptors.prefix(count))
            descriptors.removeFirst(count)
            header = next
        }
        guard let header, filled - cut >= FrameHeader.size + header.length else {
            try expectNoDescriptors()
            return nil
        }
        let start = cut + FrameHeader.size
        cut = start + header.length
        self.header = nil
        defer { ownDescriptors = [] }
        return Frame(
            kind: header.kind, payload: Payload(chunk, start..<cut),
            descriptors: header.descriptors == nil ? nil : ownDescriptors)
    }

    /// Only the beginning of a header has arrived, or nothing at all: the remaining descriptors can belong to that one
    /// frame only. Otherwise a peer could pile descriptors up for ever, by never letting a read end where a frame ends.
    private func expectDescriptorsOfOneFrame() throws(ProtocolViolation) {
        if filled == cut || descriptors.count > FrameHeader.descriptorLimit { try expectNoDescriptors() }
    }

    /// No further frame begins in the received bytes, so remaining descriptors belong to no frame.
    private func expectNoDescriptors() throws(ProtocolViolation) {
        if !descriptors.isEmpty { throw ProtocolViolation("it sent descriptors that no frame declares") }
    }

    /// Releases the chunk, if all of it has been cut into frames: a quiet port holds no memory.
    mutating func rest() {
        guard filled == cut else { return }
        chunk = nil
        cut = 0
        filled = 0
    }

    /// Bytes that have been received and not cut into frames.
    var held: Int { filled - cut }
    /// The memory that these bytes occupy, including the room behind them.
    var reserved: Int { filled > cut ? (chunk?.capacity ?? 0) - cut : 0 }

    /// Whether all received bytes and descriptors have been cut into frames.
    var isAtRest: Bool { header == nil && filled == cut && descriptors.isEmpty }

    // MARK: Transfer

    /// The bytes and descriptors that have been received and not cut: another reader continues the stream with them.
    var remainder: Segment {
        var segment = Segment()
        if let chunk { segment.bytes.append(contentsOf: chunk.memory[cut..<filled]) }
        segment.descriptors = ownDescriptors + descriptors
        return segment
    }

    /// Begins with bytes that another reader has received and not cut.
    mutating func resume(_ segment: Segment) throws(OutOfMemory) {
        if segment.bytes.isEmpty { return }
        let first = try Chunk(capacity: max(chunkSize, segment.bytes.count))
        segment.bytes.withUnsafeBytes { first.memory.copyMemory(from: $0) }
        chunk = first
        filled = segment.bytes.count
        descriptors = Deque(segment.descriptors)
    }
}
