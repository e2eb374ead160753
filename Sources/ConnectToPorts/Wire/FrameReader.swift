import ConnectToLinux
import DequeModule

/// Cuts a stream of bytes into frames; does no I/O.
///
/// The caller receives into ``room()``, says what came by ``didReceive(_:_:)``, and takes plain messages with
/// ``nextRun(atMost:size:)`` and everything else with ``next()`` until there is none.
struct FrameReader {
    struct Frame {
        var kind: FrameKind
        var payload: Payload
        /// As many as the header declared; nil if the payload has no transfer table.
        var descriptors: [Descriptor]?
    }

    private let lengthLimit: Int
    private var chunk: Chunk?
    /// In the chunk: what is before `taken` has been cut, what is before `filled` has been received.
    private var taken = 0
    private var filled = 0
    /// Of the frame that begins at `taken`, once it has been read.
    private var header: FrameHeader?
    /// Of that frame.
    private var ownDescriptors: [Descriptor] = []
    /// That came with frames whose headers have not been read.
    private var descriptors: Deque<Descriptor> = []
    /// How large the next chunk will be: more for a stream that fills them, or that has sent a long message.
    private var chunkSize = ChunkPool.sizes[0]
    /// The most room that is made for what has not begun to come.
    private static let largestChunk = 2 << 20
    /// How many times as much as has come of a frame there may be room for.
    private static let growth = 4

    init(lengthLimit: Int) {
        self.lengthLimit = lengthLimit
    }

    /// Where the next bytes are to be put; never empty. Valid until the next call.
    ///
    /// What a header announces costs the peer nothing, so it reserves nothing, address space neither: a long frame
    /// begins small, and moves to a chunk that is four times as large at the most whenever it has filled one. So it
    /// is copied once, in large part.
    ///
    /// - Parameter sparingly: memory is short: no more than a little for what has not begun to come.
    mutating func room(sparingly: Bool = false) throws(OutOfMemory) -> UnsafeMutableRawBufferPointer {
        let needed = FrameHeader.size + (header?.length ?? 0)
        if let chunk, filled < chunk.memory.count {
            let isEnough = chunk.memory.count - taken >= needed
            // Not for the last few bytes of it, unless they are what is missing, or of a frame that has it alone.
            if isEnough ? header != nil || chunk.memory.count - filled >= chunk.memory.count / 4 : taken == 0 {
                return UnsafeMutableRawBufferPointer(rebasing: chunk.memory[filled...])
            }
        }
        // The frame at hand does not fit behind what has been cut, or has filled its chunk: it begins a new one.
        let size = sparingly ? min(chunkSize, MemoryBudget.floor) : chunkSize
        let next = try Chunk(capacity: max(size, step(to: needed)))
        if let chunk, filled > taken {
            next.memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: chunk.memory[taken..<filled]))
        }
        filled -= taken
        taken = 0
        chunk = next
        return UnsafeMutableRawBufferPointer(rebasing: next.memory[filled...])
    }

    /// The next of the sizes by which a frame grows to its own. In the last step it is copied whole: that is a quarter of
    /// it, and not all.
    private func step(to needed: Int) -> Int {
        var size = needed
        while size / Self.growth > held { size /= Self.growth }
        return size
    }

    /// How many bytes the frame at hand lacks: of one whose header is not all here, what the header lacks.
    var missing: Int {
        FrameHeader.size + (header?.length ?? 0) - (filled - taken)
    }

    /// How many descriptors are held for frames that have not been cut.
    var descriptorCount: Int { ownDescriptors.count + descriptors.count }

    mutating func didReceive(_ count: Int, _ descriptors: [Descriptor] = []) {
        filled += count
        if !descriptors.isEmpty { self.descriptors.append(contentsOf: descriptors) }
        let sizes = ChunkPool.sizes
        if let chunk, filled == chunk.memory.count {
            chunkSize = sizes.first { $0 > chunkSize } ?? chunkSize
            // One long message, once it is all here, comes mostly with others of its length.
            let length = header.map { FrameHeader.size + $0.length } ?? 0
            if length <= min(held, Self.largestChunk) { chunkSize = max(chunkSize, length) }
        } else if count < chunkSize / 16 {
            chunkSize = sizes.last { $0 < chunkSize } ?? sizes[0]
        }
    }

    /// The whole messages that have come and with which nothing is transferred, up to the next frame that is
    /// anything else.
    ///
    /// - Parameters:
    ///   - count: no more of them.
    ///   - size: no more bytes of frames, but for the first.
    @inline(never)  // Called once a read; apart, it can be counted.
    mutating func nextRun(atMost count: Int, size: Int) -> InputQueue.Run? {
        guard let chunk, filled - taken >= FrameHeader.size else { return nil }
        if let header, !header.kind.isMessage || header.descriptors != nil { return nil }
        var end = taken
        var found = 0
        while found < count, filled &- end >= FrameHeader.size {
            let word = chunk.memory.loadUnaligned(fromByteOffset: end, as: UInt64.self)
            guard let length = FrameHeader.plainMessageLength(UInt64(littleEndian: word)),
                length <= lengthLimit, filled &- end &- FrameHeader.size >= length
            else { break }
            let next = end &+ FrameHeader.size &+ length
            if found > 0, next &- taken > size { break }
            end = next
            found &+= 1
        }
        if found == 0 { return nil }
        defer {
            taken = end
            header = nil
        }
        return InputQueue.Run(chunk: chunk, range: taken..<end, count: found)
    }

    /// The next whole frame, or nil until more has come.
    mutating func next() throws(ProtocolViolation) -> Frame? {
        guard let chunk else { return nil }
        if header == nil {
            guard filled - taken >= FrameHeader.size else {
                try expectDescriptorsOfOneFrame()
                return nil
            }
            let next = try FrameHeader(
                decoding: UnsafeRawBufferPointer(rebasing: chunk.memory[taken..<filled]),
                lengthLimit: lengthLimit)
            // They ride on the frame's first byte, so they are here before its header is.
            let count = next.descriptors ?? 0
            guard descriptors.count >= count else {
                throw ProtocolViolation("a frame without the descriptors that it declares")
            }
            ownDescriptors = Array(descriptors.prefix(count))
            descriptors.removeFirst(count)
            header = next
        }
        guard let header, filled - taken >= FrameHeader.size + header.length else {
            try expectNoDescriptors()
            return nil
        }
        let start = taken + FrameHeader.size
        taken = start + header.length
        self.header = nil
        defer { ownDescriptors = [] }
        return Frame(
            kind: header.kind, payload: Payload(chunk, start..<taken),
            descriptors: header.descriptors == nil ? nil : ownDescriptors)
    }

    /// Only a beginning of a header is here, or nothing at all: descriptors that are left can be that one frame's, or
    /// nobody's. Else a peer could pile them up for ever, by never letting a read end where a frame does.
    private func expectDescriptorsOfOneFrame() throws(ProtocolViolation) {
        if filled == taken || descriptors.count > FrameHeader.descriptorLimit { try expectNoDescriptors() }
    }

    /// No frame begins in what has been received: descriptors that are left belong to none.
    private func expectNoDescriptors() throws(ProtocolViolation) {
        if !descriptors.isEmpty { throw ProtocolViolation("descriptors that no frame declares") }
    }

    /// Lets the chunk go, if all in it has been cut: a quiet port holds no memory.
    mutating func rest() {
        guard filled == taken else { return }
        chunk = nil
        taken = 0
        filled = 0
    }

    /// Bytes that have been received and not cut.
    var held: Int { filled - taken }
    /// The memory that they keep, with what there is room for.
    var reserved: Int { filled > taken ? (chunk?.capacity ?? 0) - taken : 0 }

    /// Nothing has been received that was not cut.
    var isAtRest: Bool { header == nil && filled == taken && descriptors.isEmpty }

    // MARK: Transfer

    /// What has been received and not cut: the beginning of a stream for another reader to continue.
    var remainder: StreamPiece {
        var piece = StreamPiece()
        if let chunk { piece.bytes.append(contentsOf: chunk.memory[taken..<filled]) }
        piece.descriptors = ownDescriptors + descriptors
        return piece
    }

    /// Begins with what another reader has received.
    mutating func resume(_ piece: StreamPiece) throws(OutOfMemory) {
        if piece.bytes.isEmpty { return }
        let first = try Chunk(capacity: max(chunkSize, piece.bytes.count))
        piece.bytes.withUnsafeBytes { first.memory.copyMemory(from: $0) }
        chunk = first
        filled = piece.bytes.count
        descriptors = Deque(piece.descriptors)
    }
}
