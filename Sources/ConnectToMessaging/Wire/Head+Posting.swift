import ConnectTo

/// Messages of a head and a payload, which makes their body.
extension Head {
    /// Up to this length a message is written on the stack, and the port copies it into its queue or writes it: most
    /// messages, for which an array of their own would cost as much as all else.
    private static let shortLength = 512

    /// How many bytes of the receiver's window the message takes: what it expands to, where it is compressed.
    func cost(_ payload: OutgoingMessage?) -> Int {
        SendOrder<Void>.cost(length: length + (payload?.count ?? 0), transferredCount: payload?.transfer.count ?? 0)
    }

    /// Posts the message.
    ///
    /// - Parameter compressed: the payload's compressed form, which is sent in its place.
    func post(
        _ payload: OutgoingMessage?, compressed: [UInt8]? = nil, on port: MessagePort
    ) throws(PortError) {
        let size = length + (payload?.count ?? 0)
        guard compressed == nil, size <= Self.shortLength, payload?.transfer.isEmpty ?? true else {
            try port.postMessage(message(payload, compressed: compressed))
            return
        }
        let result: Result<Bool, PortError> = withUnsafeTemporaryAllocation(
            byteCount: Self.shortLength, alignment: 8
        ) { memory in
            let count = write(payload, to: memory)
            let bytes = UnsafeRawBufferPointer(rebasing: memory[..<count]).bytes
            return Result { () throws(PortError) in try port.postMessage(bytes) }
        }
        _ = try result.get()
    }

    /// The message.
    func message(_ payload: OutgoingMessage? = nil, compressed: [UInt8]? = nil) -> OutgoingMessage {
        let transfer = payload?.transfer ?? []
        if let compressed {
            var head = self
            head.body = payload.map { Envelope.BodyKind($0.kind) }
            head.isCompressed = true
            return .bytes(compressed.withUnsafeBytes { head.encoded(body: $0) }, transfer: transfer)
        }
        let size = length + (payload?.count ?? 0)
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            count = write(payload, to: UnsafeMutableRawBufferPointer(buffer))
        }
        return .bytes(bytes, transfer: transfer)
    }

    private func write(_ payload: OutgoingMessage?, to memory: UnsafeMutableRawBufferPointer) -> Int {
        guard let payload else { return write(nil, UnsafeRawBufferPointer(start: nil, count: 0), to: memory) }
        return payload.withUnsafeBytes { write(Envelope.BodyKind(payload.kind), $0, to: memory) }
    }
}

extension Envelope.BodyKind {
    init(_ kind: Message.Kind) {
        self = kind == .bytes ? .bytes : kind == .text ? .text : .json
    }
}
