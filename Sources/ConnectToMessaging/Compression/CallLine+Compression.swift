import ConnectTo

extension CallLine {
    /// A payload in its compressed form; nil where it is to be sent as it is.
    ///
    /// It is made before the line is locked. Whether it may be used is decided when it is sent
    /// (``State/compresses(on:)``): a line may have been handed over meanwhile.
    func compressed(_ payload: OutgoingMessage?) -> [UInt8]? {
        #if LZ4
            guard let payload, let compression = options.compression, payload.count >= compression.threshold,
                // A message that is too long is still too long, as the receiver's limit is for what it expands to.
                payload.count < Self.longestBody, withState({ $0.compresses(on: self) })
            else { return nil }
            return payload.withUnsafeBytes(LZ4Block.compress)
        #else
            nil
        #endif
    }

    /// The payload of a message that has arrived, expanded.
    func payload(
        of message: Message, _ envelope: Envelope, offset: Int
    ) throws(ProtocolViolation) -> Payload {
        guard envelope.isCompressed else { return Payload(message, envelope.body, offset: offset) }
        #if LZ4
            guard withState({ $0.compresses(on: self) }) else { throw .isNotCompressed }
            let limit = port.limits.messageLength - offset
            let expanded = try message.withUnsafeBytes { bytes throws(ProtocolViolation) in
                try LZ4Block.expand(UnsafeRawBufferPointer(rebasing: bytes.dropFirst(offset)), limit: limit)
            }
            return Payload(message, envelope.body, offset: offset, expanded: expanded)
        #else
            throw .isNotCompressed
        #endif
    }

    #if LZ4
        /// The longest message that the protocol lets a program send, less the longest envelope without a text.
        private static let longestBody = 64 << 20 - 1_024
    #endif
}

extension CallLine.State {
    /// Whether both sides have said that they understand compressed bodies.
    func compresses(on line: CallLine) -> Bool {
        hello?.features.contains(Hello.lz4) == true && line.options.features.contains(Hello.lz4)
    }

    /// An event that may have waited; expanded if the line does not take its compressed form any more.
    func usable(_ message: OutgoingMessage, on line: CallLine) -> OutgoingMessage {
        #if LZ4
            if line.options.compression == nil || compresses(on: line) { return message }
            return message.withUnsafeBytes { bytes in
                // What this side has made itself is whole.
                guard let (compressed, offset) = try? Envelope.decode(bytes, transferredCount: message.transfer.count),
                    compressed.isCompressed,
                    let body = try? LZ4Block.expand(
                        UnsafeRawBufferPointer(rebasing: bytes.dropFirst(offset)), limit: .max)
                else { return message }
                var envelope = compressed
                envelope.isCompressed = false
                return .bytes(body.withUnsafeBytes { envelope.encoded(body: $0) }, transfer: message.transfer)
            }
        #else
            message
        #endif
    }
}

extension ProtocolViolation {
    fileprivate static var isNotCompressed: ProtocolViolation {
        ProtocolViolation("a compressed body without the feature \(Hello.lz4)")
    }
}
