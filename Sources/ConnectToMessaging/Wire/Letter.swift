import ConnectTo

/// A message of calls that is to be sent: its envelope, and the payload that makes its body.
struct Letter: Sendable {
    let envelope: Envelope
    let payload: OutgoingMessage?
    /// The payload's compressed form, which is sent in its place where the line takes it.
    let compressed: [UInt8]?

    /// Up to this length a message is written on the stack, and the port copies it into its queue or writes it: most
    /// messages, for which an array of their own would cost as much as all else.
    private static let shortLength = 512

    init(_ operation: Envelope.Operation, _ payload: OutgoingMessage? = nil, compressed: [UInt8]? = nil) {
        envelope = Envelope(operation: operation, body: payload.map { Envelope.BodyKind($0.kind) })
        self.payload = payload
        self.compressed = compressed
    }

    /// The length of the message where it is not compressed.
    private var length: Int { envelope.length + (payload?.count ?? 0) }

    /// How many bytes of the receiver's window it takes: what it expands to, where it is compressed.
    var cost: Int { SendOrder<Void>.cost(length: length, transferredCount: payload?.transfer.count ?? 0) }

    /// Posts it.
    func post(on port: MessagePort, compressed isCompressed: Bool = false) throws(PortError) {
        guard !isCompressed, length <= Self.shortLength, payload?.transfer.isEmpty ?? true else {
            try port.postMessage(message(compressed: isCompressed))
            return
        }
        let result: Result<Bool, PortError> = withUnsafeTemporaryAllocation(
            byteCount: Self.shortLength, alignment: 8
        ) { memory in
            let count = write(to: memory)
            let bytes = UnsafeRawBufferPointer(rebasing: memory[..<count]).bytes
            return Result { () throws(PortError) in try port.postMessage(bytes) }
        }
        _ = try result.get()
    }

    /// Encodes it.
    func message(compressed isCompressed: Bool = false) -> OutgoingMessage {
        let transfer = payload?.transfer ?? []
        if isCompressed, let compressed {
            var envelope = envelope
            envelope.isCompressed = true
            return .bytes(compressed.withUnsafeBytes { envelope.encoded(body: $0) }, transfer: transfer)
        }
        let bytes = [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            count = write(to: UnsafeMutableRawBufferPointer(buffer))
        }
        return .bytes(bytes, transfer: transfer)
    }

    private func write(to memory: UnsafeMutableRawBufferPointer) -> Int {
        guard let payload else { return envelope.write(body: UnsafeRawBufferPointer(start: nil, count: 0), to: memory) }
        return payload.withUnsafeBytes { envelope.write(body: $0, to: memory) }
    }
}

extension Envelope.BodyKind {
    init(_ kind: Message.Kind) {
        self =
            switch kind {
            case .text: .text
            case .json: .json
            default: .bytes
            }
    }
}
