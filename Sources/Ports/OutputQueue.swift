import DequeModule

/// Bytes that wait to be written, in segments; does no I/O.
///
/// Small frames are gathered into one segment, so that one system call carries many.
struct OutputQueue {
    private static let segmentSize = 64 << 10

    private var segments: Deque<[UInt8]> = []
    /// How much of the first segment has been written.
    private var written = 0
    /// Bytes that wait.
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    /// Appends a frame, less what has been written of it already.
    mutating func append(_ header: FrameHeader, _ payload: UnsafeRawBufferPointer, alreadyWritten: Int = 0) {
        let headerPart = max(0, FrameHeader.size - alreadyWritten)
        let payloadPart = UnsafeRawBufferPointer(
            rebasing: payload.dropFirst(max(0, alreadyWritten - FrameHeader.size)))
        reserve(headerPart + payloadPart.count)
        let last = segments.index(before: segments.endIndex)
        withUnsafeBytes(of: header.encoded) {
            segments[last].append(contentsOf: $0.suffix(headerPart))
        }
        segments[last].append(contentsOf: payloadPart)
        count += headerPart + payloadPart.count
    }

    private mutating func reserve(_ size: Int) {
        if let last = segments.last, last.count + size <= Self.segmentSize { return }
        var segment: [UInt8] = []
        segment.reserveCapacity(size)
        segments.append(segment)
    }

    /// What is to be written next. Only to be called while not empty.
    func withNext<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try segments[0].withBytes { bytes throws(Failure) in
            try body(UnsafeRawBufferPointer(rebasing: bytes.dropFirst(written)))
        }
    }

    mutating func didWrite(_ size: Int) {
        written += size
        count -= size
        if written == segments[0].count {
            segments.removeFirst()
            written = 0
        }
    }

    mutating func removeAll() {
        self = OutputQueue()
    }
}
