import CConnectToLinux
import ConnectToLinux
import DequeModule
import Glibc

/// Frames that wait to be written, in parts; does no I/O.
///
/// Short frames are gathered, so that one system call carries many. A long payload that has an owner is kept where it
/// is. A frame with descriptors begins a new part, since descriptors ride on the first byte of a part.
struct OutputQueue {
    fileprivate struct Part {
        enum Storage {
            case gathered(GatheredFrames)
            /// The frame's encoded header, and its payload.
            case frame(UInt64, [UInt8])
            /// The same, where the payload is a part of a chunk that was received.
            case view(UInt64, Chunk, Range<Int>)
            case bytes([UInt8])
        }

        let storage: Storage
        var descriptors: [Descriptor] = []
        /// Set where the part is one frame that a newer one under this key may replace.
        var key: String?

        var count: Int {
            switch storage {
            case .gathered(let frames): frames.count
            case .frame(_, let payload): FrameHeader.size + payload.count
            case .view(_, _, let range): FrameHeader.size + range.count
            case .bytes(let bytes): bytes.count
            }
        }
    }

    /// A payload longer than this is kept where it is instead of copied, where that is possible.
    private static let copyLimit = 16 << 10

    private var parts: Deque<Part> = []
    /// The last part, where more frames can be gathered in it. Unretained: a retain for each message would cost as much
    /// as the rest.
    private var open: Unmanaged<GatheredFrames>?
    /// How many bytes of the first part have been written.
    private var written = 0
    /// How many parts have been written and removed.
    private var partsWritten = 0
    /// The number of the last frame posted under each key: its position counted from the queue's beginning, parts
    /// already removed included.
    private var numbers: [String: Int] = [:]
    /// Bytes that wait.
    private(set) var count = 0
    /// Descriptors that wait.
    private(set) var descriptorCount = 0

    init() {}

    var isEmpty: Bool { count == 0 }

    /// Appends a frame.
    ///
    /// - Parameter owner: the object that keeps the payload at its address, if there is one.
    mutating func append(
        _ header: FrameHeader, _ payload: UnsafeRawBufferPointer, keeping owner: PayloadOwner? = nil
    ) throws(OutOfMemory) {
        if payload.count > Self.copyLimit, let storage = owner?.storage(header, payload) {
            open = nil
            parts.append(Part(storage: storage))
        } else if open?._withUnsafeGuaranteedRef({ $0.append(header, payload) }) != true {
            // There may be few frames between two that can be replaced, so such a gap gets a small piece of memory.
            let frames = try GatheredFrames(beginningWith: header, payload, isShort: parts.last?.key != nil)
            open = Unmanaged.passUnretained(frames)
            parts.append(Part(storage: .gathered(frames)))
        }
        count += FrameHeader.size + payload.count
    }

    /// Appends a frame to those gathered last, if there are any and the frame fits.
    @inline(__always)
    mutating func gather(_ header: FrameHeader, _ payload: UnsafeRawBufferPointer) -> Bool {
        guard let open, open._withUnsafeGuaranteedRef({ $0.append(header, payload) }) else { return false }
        count &+= FrameHeader.size &+ payload.count
        return true
    }

    /// The length of the frame that a newer one under the key would replace, or nil. A frame can be replaced while no
    /// byte of it has been written.
    func waitingSize(under key: String) -> Int? {
        waitingIndex(under: key).map { parts[$0].count }
    }

    private func waitingIndex(under key: String) -> Int? {
        guard let number = numbers[key] else { return nil }
        let index = number - partsWritten
        return index > 0 || written == 0 ? index : nil
    }

    /// Puts a frame in place of the one that waits under the key or, if none does, behind all others.
    ///
    /// - Parameter owner: the object that keeps the payload at its address, if there is one.
    mutating func append(
        _ header: FrameHeader, _ payload: UnsafeRawBufferPointer, keeping owner: PayloadOwner?, replacing key: String
    ) {
        let kept = payload.count > Self.copyLimit ? owner?.storage(header, payload) : nil
        let part = Part(storage: kept ?? .bytes(Segment(header, payload).bytes), key: key)
        count += part.count
        if let index = waitingIndex(under: key) {
            count -= parts[index].count
            parts[index] = part
        } else {
            numbers[key] = partsWritten + parts.count
            open = nil
            parts.append(part)
        }
    }

    /// Appends frames that other queues or a batch may share: no frames are added to this part.
    mutating func append(_ frames: GatheredFrames) {
        open = nil
        count += frames.count
        parts.append(Part(storage: .gathered(frames)))
    }

    /// Appends whole frames, with the descriptors that ride on the first byte.
    mutating func append(_ segment: Segment) {
        if segment.bytes.isEmpty { return }
        open = nil
        parts.append(Part(storage: .bytes(segment.bytes), descriptors: segment.descriptors))
        count += segment.bytes.count
        descriptorCount += segment.descriptors.count
    }

    /// Lends the bytes to be written next, and the descriptors that ride on the first of them. Only to be called while
    /// the queue is not empty.
    func withNext<Result, Failure: Error>(
        _ body: (UnsafeBufferPointer<clinux_piece>, [Descriptor]) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // A copy of the whole part would retain its key, too.
        let descriptors = parts[0].descriptors
        switch parts[0].storage {
        case .gathered(let frames):
            defer { withExtendedLifetime(frames) {} }
            let bytes = UnsafeRawBufferPointer(rebasing: frames.bytes.dropFirst(written))
            return try withPieces(bytes, nil) { pieces throws(Failure) in try body(pieces, descriptors) }
        case .bytes(let bytes):
            return try bytes.withBytes { bytes throws(Failure) in
                try withPieces(UnsafeRawBufferPointer(rebasing: bytes.dropFirst(written)), nil) {
                    pieces throws(Failure) in try body(pieces, descriptors)
                }
            }
        case .frame(let header, let payload):
            return try payload.withBytes { payload throws(Failure) in
                try withFrame(header, payload) { pieces throws(Failure) in try body(pieces, descriptors) }
            }
        case .view(let header, let chunk, let range):
            defer { withExtendedLifetime(chunk) {} }
            let payload = UnsafeRawBufferPointer(rebasing: chunk.memory[range])
            return try withFrame(header, payload) { pieces throws(Failure) in try body(pieces, descriptors) }
        }
    }

    /// Lends the unwritten part of a frame whose payload lies elsewhere.
    private func withFrame<Result, Failure: Error>(
        _ header: UInt64, _ payload: UnsafeRawBufferPointer,
        _ body: (UnsafeBufferPointer<clinux_piece>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var header = header
        return try withBytes(of: &header) { header throws(Failure) in
            try withPieces(
                UnsafeRawBufferPointer(rebasing: header.dropFirst(written)),
                UnsafeRawBufferPointer(rebasing: payload.dropFirst(max(0, written - FrameHeader.size))), body)
        }
    }

    mutating func didWrite(_ size: Int) {
        count -= size
        if written == 0, size > 0, !parts[0].descriptors.isEmpty {
            // The descriptors have gone with the first byte, so close them here.
            descriptorCount -= parts[0].descriptors.count
            parts[0].descriptors = []
        }
        written += size
        if written == parts[0].count {
            if let key = parts.removeFirst().key, numbers[key] == partsWritten { numbers[key] = nil }
            partsWritten += 1
            written = 0
            if parts.isEmpty { open = nil }
        }
    }

    mutating func removeAll() {
        self = OutputQueue()
    }

    /// The unwritten frames, for another queue to continue, in as few segments as the descriptors allow.
    var remainder: [Segment] {
        var rest = self
        var segments: [Segment] = []
        while !rest.isEmpty {
            let size = rest.withNext { pieces, descriptors in
                if !descriptors.isEmpty || segments.isEmpty {
                    segments.append(Segment([], descriptors))
                }
                for piece in pieces {
                    segments[segments.count - 1].bytes.append(contentsOf: UnsafeRawBufferPointer(piece))
                }
                return pieces.reduce(0) { $0 + $1.count }
            }
            rest.didWrite(size)
        }
        return segments
    }
}

/// The object that keeps a payload at its address, so that the payload can be queued without a copy. No larger than a
/// reference, since one is passed with each message that is posted.
enum PayloadOwner {
    /// The payload is the whole array.
    case array([UInt8])
    /// The payload is a part of the chunk.
    case chunk(Chunk)

    /// - Returns: nil where a copy is better: a payload that is a small part of its chunk would keep the rest of the
    ///   chunk in memory too, and that memory is not counted.
    fileprivate func storage(_ header: FrameHeader, _ payload: UnsafeRawBufferPointer) -> OutputQueue.Part.Storage? {
        switch self {
        case .array(let bytes): return .frame(header.encoded, bytes)
        case .chunk(let chunk):
            guard let start = payload.baseAddress, payload.count >= chunk.capacity / 2 else { return nil }
            let first = start - UnsafeRawPointer(chunk.base)
            return .view(header.encoded, chunk, first..<first + payload.count)
        }
    }
}

extension UnsafeRawBufferPointer {
    init(_ piece: clinux_piece) {
        self.init(start: piece.start, count: piece.count)
    }
}

/// Lends one or two pieces of memory in the kernel's form.
func withPieces<Result, Failure: Error>(
    _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer?,
    _ body: (UnsafeBufferPointer<clinux_piece>) throws(Failure) -> Result
) throws(Failure) -> Result {
    func piece(_ bytes: UnsafeRawBufferPointer) -> clinux_piece {
        clinux_piece(start: bytes.baseAddress, count: bytes.count)
    }
    return try withUnsafeTemporaryAllocation(of: clinux_piece.self, capacity: 2) { pieces throws(Failure) in
        pieces.initializeElement(at: 0, to: piece(first))
        if let second { pieces.initializeElement(at: 1, to: piece(second)) }
        return try body(UnsafeBufferPointer(rebasing: pieces[..<(second == nil ? 1 : 2)]))
    }
}
