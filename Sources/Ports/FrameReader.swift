import DequeModule
import LinuxIO

/// Cuts a stream of bytes into frames; does no I/O.
///
/// The caller receives into ``room()``, says what came by ``didReceive(_:_:)``, and takes frames with
/// ``next()`` until there is none. A quiet port holds no memory here.
struct FrameReader {
    struct Frame {
        var kind: FrameKind
        var payload: Payload
        /// As many as the header declared; nil if the payload has no transfer table.
        var descriptors: [Descriptor]?
    }

    private static let chunkSize = 64 << 10

    private let lengthLimit: Int
    private var chunk: Chunk?
    /// In the chunk: what is before `taken` has been cut, what is before `filled` has been received.
    private var taken = 0
    private var filled = 0
    private var header: FrameHeader?
    /// Of the frame whose header has been read.
    private var ownDescriptors: [Descriptor] = []
    /// That came with frames whose headers have not been read.
    private var descriptors: Deque<Descriptor> = []

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

    mutating func didReceive(_ count: Int, _ descriptors: [Descriptor] = []) {
        filled += count
        self.descriptors.append(contentsOf: descriptors)
    }

    /// The next whole frame, or nil until more has come.
    mutating func next() throws(ProtocolViolation) -> Frame? {
        guard let chunk else { return nil }
        if header == nil {
            guard filled - taken >= FrameHeader.size else {
                if filled == taken { try expectNoDescriptors() }
                rest()
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
            taken += FrameHeader.size
        }
        guard let header, filled - taken >= header.length else {
            try expectNoDescriptors()
            return nil
        }
        let range = taken..<taken + header.length
        taken += header.length
        self.header = nil
        let payload: Payload =
            range.count <= Payload.copyLimit
            ? .array([UInt8](chunk.memory[range])) : .view(chunk, range)
        defer { ownDescriptors = [] }
        return Frame(
            kind: header.kind, payload: payload,
            descriptors: header.descriptors == nil ? nil : ownDescriptors)
    }

    /// No frame begins in what has been received: descriptors that are left belong to none.
    private func expectNoDescriptors() throws(ProtocolViolation) {
        if !descriptors.isEmpty { throw ProtocolViolation("descriptors that no frame declares") }
    }

    /// Lets the chunk go while nothing is in it.
    private mutating func rest() {
        guard filled == taken else { return }
        chunk = nil
        taken = 0
        filled = 0
    }

    /// Bytes that have been received and not cut.
    var held: Int { filled - taken }

    /// Nothing has been received that was not cut.
    var isAtRest: Bool { header == nil && filled == taken && descriptors.isEmpty }

    // MARK: Moving house

    /// What has been received and not cut: the beginning of a stream for another reader to continue.
    var remainder: StreamPiece {
        var piece = StreamPiece()
        if let header {
            withUnsafeBytes(of: header.encoded) { piece.bytes.append(contentsOf: $0) }
        }
        if let chunk { piece.bytes.append(contentsOf: chunk.memory[taken..<filled]) }
        piece.descriptors = ownDescriptors + descriptors
        return piece
    }

    /// Begins with what another reader has received.
    mutating func resume(_ piece: StreamPiece) {
        if piece.bytes.isEmpty { return }
        let first = Chunk(capacity: max(Self.chunkSize, piece.bytes.count))
        piece.bytes.withUnsafeBytes { first.memory.copyMemory(from: $0) }
        chunk = first
        filled = piece.bytes.count
        descriptors = Deque(piece.descriptors)
    }
}

/// Bytes of a line with the descriptors that ride on them, in order.
struct StreamPiece: Sendable {
    var bytes: [UInt8] = []
    var descriptors: [Descriptor] = []

    init() {}

    /// A message's frame, with what is transferred along with it, if anything is.
    init(_ kind: FrameKind, _ payload: UnsafeRawBufferPointer, _ table: TransferTable? = nil) {
        let tableBytes = table?.encoded ?? []
        descriptors = table?.descriptors ?? []
        let header = FrameHeader(
            kind, length: tableBytes.count + payload.count,
            descriptors: table == nil ? nil : descriptors.count)
        bytes.reserveCapacity(FrameHeader.size + header.length)
        withUnsafeBytes(of: header.encoded) { bytes.append(contentsOf: $0) }
        bytes += tableBytes
        bytes.append(contentsOf: payload)
    }
}
