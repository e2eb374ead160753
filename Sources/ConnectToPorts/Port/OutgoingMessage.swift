import FoundationEssentials

/// A message to be posted: its payload, what it is (bytes, text or JSON), and what is transferred with it.
///
/// ```swift
/// try port.postMessage(.encoding(reading))
/// try await port.send(.text("a picture", transfer: [.buffer(picture)]))
/// try port.postMessage(.forwarding(message))
/// ```
///
/// A string literal is a message of text. A string that is in a variable is written `.text(name)`, for the receiver has
/// to know what it gets: `.json(name)` would be JSON, and `.encoding(name)` the JSON string in its quotation marks.
///
/// A value: making one posts nothing and gives nothing away, and it can be posted several times, unless it transfers
/// something. It holds its payload as it was given, without a copy.
public struct OutgoingMessage: Sendable {
    enum Content: Sendable {
        case bytes([UInt8])
        case text(String)
        /// Of a message that was received.
        case received(Payload)
    }

    let kind: FrameKind
    let content: Content
    /// What is given away together with the message; the receiver finds it in ``Message/transferred``.
    public var transfer: [Transferable]

    init(_ kind: FrameKind, _ content: Content, transfer: [Transferable]) {
        self.kind = kind
        self.content = content
        self.transfer = transfer
    }

    // MARK: Making

    /// Bytes: an array, a slice, Foundation's `Data`. An array of bytes is not copied.
    public static func bytes(_ bytes: some Collection<UInt8>, transfer: [Transferable] = []) -> OutgoingMessage {
        OutgoingMessage(.bytes, .bytes([UInt8](bytes)), transfer: transfer)
    }

    /// Text.
    public static func text(_ text: String, transfer: [Transferable] = []) -> OutgoingMessage {
        OutgoingMessage(.text, .text(text), transfer: transfer)
    }

    /// Text that is JSON already. It is not checked; a receiver whose ``Message/decode(_:)`` finds something else gets
    /// ``PortError/Code/notDecodable``.
    public static func json(_ json: String, transfer: [Transferable] = []) -> OutgoingMessage {
        OutgoingMessage(.json, .text(json), transfer: transfer)
    }

    /// A value as JSON, which the receiver takes with ``Message/decode(_:)``. Bytes and text go as JSON this way too.
    ///
    /// - Throws: ``PortError`` with ``PortError/Code/notEncodable`` where the value has no form in JSON.
    public static func encoding(
        _ value: some Encodable, transfer: [Transferable] = []
    ) throws(PortError) -> OutgoingMessage {
        let encoder = JSONEncoder()
        // Escaped slashes are of use in scripts of HTML only.
        encoder.outputFormatting = .withoutEscapingSlashes
        do {
            return OutgoingMessage(.json, .bytes([UInt8](try encoder.encode(value))), transfer: transfer)
        } catch {
            let place = (error as? EncodingError)?.place ?? "\(error)"
            throw PortError(.notEncodable, "the \(type(of: value)) does not encode as JSON: \(place)", cause: error)
        }
    }

    /// A message that was received, as it is: the kind, the bytes and everything that was transferred with it.
    ///
    /// The payload is not copied: this message and a queue that it waits in share the memory that it was received
    /// into. Only a payload that is a small part of that memory is copied when it has to wait.
    ///
    /// What was transferred goes on to the next receiver, and is gone here and from the given message once this is
    /// posted. So posting throws ``PortError/Code/detached`` where the program has closed one of the ports, files and
    /// buffers or given it away; without them the message is made by `.bytes(message.bytes)`, or by setting
    /// ``transfer``.
    public static func forwarding(_ message: Message) -> OutgoingMessage {
        OutgoingMessage(message.kind.frame, .received(message.payload), transfer: message.transferred)
    }
}

extension OutgoingMessage: ExpressibleByStringInterpolation {
    /// Text.
    public init(stringLiteral text: String) {
        self.init(.text, .text(text), transfer: [])
    }
}

extension OutgoingMessage {
    /// The payload's length in bytes.
    var count: Int {
        switch content {
        case .bytes(let bytes): bytes.count
        case .text(let text): text.utf8.count
        case .received(let payload): payload.count
        }
    }

    /// Lends the payload, and what keeps it where it is, if anything does.
    func withPayload<Result>(
        _ body: (UnsafeRawBufferPointer, PayloadOwner?) throws(PortError) -> Result
    ) throws(PortError) -> Result {
        switch content {
        case .bytes(let bytes):
            try bytes.withBytes { payload throws(PortError) in try body(payload, .array(bytes)) }
        case .text(let text):
            try text.withBytes { payload throws(PortError) in try body(payload, nil) }
        case .received(let received):
            try received.withUnsafeBytes { payload throws(PortError) in
                try body(payload, received.chunk.map(PayloadOwner.chunk))
            }
        }
    }
}
