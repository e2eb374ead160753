extension Segment {
    /// Makes a message's frame, with the table and descriptors of the things that it transfers, if any.
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
