import ConnectToLinux

/// Bytes of a line, and the descriptors that ride on the first of them, in order.
struct Segment: Sendable {
    var bytes: [UInt8] = []
    var descriptors: [Descriptor] = []

    init(_ bytes: [UInt8] = [], _ descriptors: [Descriptor] = []) {
        self.bytes = bytes
        self.descriptors = descriptors
    }

    init(_ header: FrameHeader, _ payload: UnsafeRawBufferPointer = .init(start: nil, count: 0)) {
        bytes.reserveCapacity(FrameHeader.size + payload.count)
        withUnsafeBytes(of: header.encoded) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: payload)
    }

    init(closeWithCount count: UInt64) {
        self.init(FrameHeader(.close, length: FrameHeader.closePayloadSize))
        withUnsafeBytes(of: count.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func append(_ other: Segment) {
        bytes += other.bytes
        descriptors += other.descriptors
    }
}
