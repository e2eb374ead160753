import DequeModule
import LinuxIO

/// Bytes that wait to be written, in segments; does no I/O.
///
/// Small frames are gathered into one segment, so that one system call carries many. A frame with descriptors
/// begins a segment: they ride on its first byte.
struct OutputQueue {
    struct Segment: Sendable {
        var bytes: [UInt8]
        var descriptors: [Descriptor] = []
    }

    private static let segmentSize = 64 << 10

    private var segments: Deque<Segment> = []
    /// How much of the first segment has been written.
    private var written = 0
    /// Bytes that wait.
    private(set) var count = 0
    /// Descriptors that wait.
    private(set) var descriptorCount = 0

    init() {}

    var isEmpty: Bool { count == 0 }

    /// Appends a frame, less what has been written of it already.
    mutating func append(_ header: FrameHeader, _ payload: UnsafeRawBufferPointer, alreadyWritten: Int = 0) {
        let headerPart = max(0, FrameHeader.size - alreadyWritten)
        let payloadPart = UnsafeRawBufferPointer(
            rebasing: payload.dropFirst(max(0, alreadyWritten - FrameHeader.size)))
        reserve(headerPart + payloadPart.count)
        let last = segments.index(before: segments.endIndex)
        withUnsafeBytes(of: header.encoded) {
            segments[last].bytes.append(contentsOf: $0.suffix(headerPart))
        }
        segments[last].bytes.append(contentsOf: payloadPart)
        count += headerPart + payloadPart.count
    }

    private mutating func reserve(_ size: Int) {
        if let last = segments.last, last.bytes.count + size <= Self.segmentSize { return }
        var segment = Segment(bytes: [])
        segment.bytes.reserveCapacity(size)
        segments.append(segment)
    }

    /// Appends whole frames that begin with descriptors.
    mutating func append(_ segment: Segment) {
        if segment.bytes.isEmpty { return }
        segments.append(segment)
        count += segment.bytes.count
        descriptorCount += segment.descriptors.count
    }

    /// What is to be written next, and what rides on its first byte. Only to be called while not empty.
    func withNext<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer, [Descriptor]) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try segments[0].bytes.withBytes { bytes throws(Failure) in
            try body(
                UnsafeRawBufferPointer(rebasing: bytes.dropFirst(written)),
                segments[0].descriptors)
        }
    }

    mutating func didWrite(_ size: Int) {
        if written == 0, size > 0 {
            // They have gone with the first byte, and are kept open here no longer.
            descriptorCount -= segments[0].descriptors.count
            segments[0].descriptors = []
        }
        written += size
        count -= size
        if written == segments[0].bytes.count {
            segments.removeFirst()
            written = 0
        }
    }

    mutating func removeAll() {
        self = OutputQueue()
    }

    /// What waits, for another queue to continue, in as few segments as the descriptors allow.
    var remainder: [Segment] {
        var rest: [Segment] = []
        for (index, segment) in segments.enumerated() {
            let bytes = segment.bytes.dropFirst(index == 0 ? written : 0)
            if segment.descriptors.isEmpty, let last = rest.indices.last {
                rest[last].bytes += bytes
            } else {
                rest.append(Segment(bytes: Array(bytes), descriptors: segment.descriptors))
            }
        }
        return rest
    }
}
