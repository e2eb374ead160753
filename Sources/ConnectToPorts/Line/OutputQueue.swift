import CConnectToLinux
import ConnectToLinux
import DequeModule
import Glibc

/// Frames that wait to be written, in parts; does no I/O.
///
/// Short frames are gathered, so that one system call carries many. A long payload that has an owner is kept where it is. A frame with descriptors begins a part: they ride on its first byte.
struct OutputQueue {
    fileprivate struct Part {
        enum Storage {
            case gathered(GatheredFrames)
            /// The frame's header, as it stands in memory, and its payload.
            case frame(UInt64, [UInt8])
            /// The same, where the payload is a part of what was received.
            case view(UInt64, Chunk, Range<Int>)
            case bytes([UInt8])
        }

        let storage: Storage
        var descriptors: [Descriptor] = []
        /// The part is one frame, and a newer one may take its place.
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

    /// A longer payload is kept rather than copied, where that is possible.
    private static let copyLimit = 16 << 10

    private var parts: Deque<Part> = []
    /// The last part, where more can be gathered in it. Not retained once more: for each message that would cost
    /// as much as the rest.
    private var open: Unmanaged<GatheredFrames>?
    /// How much of the first part has been written.
    private var written = 0
    /// How many parts have been written, and are not here any more.
    private var partsWritten = 0
    /// The last frame of each key, by its number: the position that it has, or had, counted from the queue's beginning.
    private var numbers: [String: Int] = [:]
    /// Bytes that wait.
    private(set) var count = 0
    /// Descriptors that wait.
    private(set) var descriptorCount = 0

    init() {}

    var isEmpty: Bool { count == 0 }

    /// Appends a frame.
    ///
    /// - Parameter owner: what keeps the payload where it is, if anything does.
    mutating func append(
        _ header: FrameHeader, _ payload: UnsafeRawBufferPointer, keeping owner: PayloadOwner? = nil
    ) throws(OutOfMemory) {
        if payload.count > Self.copyLimit, let storage = owner?.storage(header, payload) {
            open = nil
            parts.append(Part(storage: storage))
        } else if open?._withUnsafeGuaranteedRef({ $0.append(header, payload) }) != true {
            // Between frames that can be replaced there may be few: each gap is not to take the usual piece of memory.
            let frames = try GatheredFrames(beginningWith: header, payload, isShort: parts.last?.key != nil)
            open = Unmanaged.passUnretained(frames)
            parts.append(Part(storage: .gathered(frames)))
        }
        count += FrameHeader.size + payload.count
    }

    /// Appends a frame to those gathered last, if there are any and it fits.
    @inline(__always)
    mutating func gather(_ header: FrameHeader, _ payload: UnsafeRawBufferPointer) -> Bool {
        guard let open, open._withUnsafeGuaranteedRef({ $0.append(header, payload) }) else { return false }
        count &+= FrameHeader.size &+ payload.count
        return true
    }

    /// How many bytes the frame has that a newer one under the key would replace: one of which nothing has been written.
    func waitingSize(under key: String) -> Int? {
        waitingIndex(under: key).map { parts[$0].count }
    }

    private func waitingIndex(under key: String) -> Int? {
        guard let number = numbers[key] else { return nil }
        let index = number - partsWritten
        return index > 0 || written == 0 ? index : nil
    }

    /// Puts a frame in place of the one that waits under the key, or else behind all others.
    ///
    /// - Parameter owner: what keeps the payload where it is, if anything does.
    mutating func append(
        _ header: FrameHeader, _ payload: UnsafeRawBufferPointer, keeping owner: PayloadOwner?, replacing key: String
    ) {
        let kept = payload.count > Self.copyLimit ? owner?.storage(header, payload) : nil
        let part = Part(storage: kept ?? .bytes(StreamPiece(header, payload).bytes), key: key)
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

    /// Appends frames that others may have too: from here on nobody adds to them.
    mutating func append(_ frames: GatheredFrames) {
        open = nil
        count += frames.count
        parts.append(Part(storage: .gathered(frames)))
    }

    /// Appends whole frames that begin with descriptors.
    mutating func append(_ segment: StreamPiece) {
        if segment.bytes.isEmpty { return }
        open = nil
        parts.append(Part(storage: .bytes(segment.bytes), descriptors: segment.descriptors))
        count += segment.bytes.count
        descriptorCount += segment.descriptors.count
    }

    /// What is to be written next, and what rides on its first byte. Only to be called while not empty.
    func withNext<Result, Failure: Error>(
        _ body: (UnsafeBufferPointer<clinux_piece>, [Descriptor]) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let part = parts[0]
        switch part.storage {
        case .gathered(let frames):
            defer { withExtendedLifetime(frames) {} }
            let bytes = UnsafeRawBufferPointer(rebasing: frames.bytes.dropFirst(written))
            return try withPieces(bytes, nil) { pieces throws(Failure) in try body(pieces, part.descriptors) }
        case .bytes(let bytes):
            return try bytes.withBytes { bytes throws(Failure) in
                try withPieces(UnsafeRawBufferPointer(rebasing: bytes.dropFirst(written)), nil) {
                    pieces throws(Failure) in try body(pieces, part.descriptors)
                }
            }
        case .frame(let header, let payload):
            return try payload.withBytes { payload throws(Failure) in
                try withFrame(header, payload) { pieces throws(Failure) in try body(pieces, part.descriptors) }
            }
        case .view(let header, let chunk, let range):
            defer { withExtendedLifetime(chunk) {} }
            let payload = UnsafeRawBufferPointer(rebasing: chunk.memory[range])
            return try withFrame(header, payload) { pieces throws(Failure) in try body(pieces, part.descriptors) }
        }
    }

    /// What is to be written of a frame whose payload lies elsewhere.
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
            // They have gone with the first byte, and are kept open here no longer.
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

    /// What waits, for another queue to continue, in as few segments as the descriptors allow.
    var remainder: [StreamPiece] {
        var rest = self
        var segments: [StreamPiece] = []
        while !rest.isEmpty {
            let size = rest.withNext { pieces, descriptors in
                if !descriptors.isEmpty || segments.isEmpty {
                    segments.append(StreamPiece([], descriptors))
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

/// What keeps a payload where it is, so that it can be queued without a copy. No larger than a reference: it is passed
/// with each message that is posted.
enum PayloadOwner {
    /// The payload is all of it.
    case array([UInt8])
    /// The payload is a part of it.
    case chunk(Chunk)

    /// - Returns: nil where a copy is better: a payload that is a small part of its chunk would keep the rest of that in
    ///   memory too, which nobody counts.
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
