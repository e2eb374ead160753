extension StreamPiece {
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
