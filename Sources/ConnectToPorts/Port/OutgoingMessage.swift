import FoundationEssentials

/// A message to be posted: its payload, its kind (bytes, text or JSON), and the things that it transfers.
///
/// ```swift
/// try port.postMessage(.encoding(reading))
/// try await port.send(.text("a picture", transfer: [.buffer(picture)]))
/// try port.postMessage(.forwarding(message))
/// ```
///
/// A string literal is a message of text. For a string in a variable, write `.text(name)`, since the receiver has to
/// know the kind: `.json(name)` would be JSON, and `.encoding(name)` the JSON string in quotation marks.
///
/// A message is a value: making one posts nothing and gives nothing away, and it can be posted several times, unless it
/// transfers something. It holds its payload as it was given, without a copy.
public struct OutgoingMessage: Sendable {
    enum Content: Sendable {
        case bytes([UInt8])
        case text(String)
        /// The payload of a message that was received.
        case received(Payload)
    }

    let frame: FrameKind
    let content: Content
    /// The things that are given away with the message; the receiver finds them in ``Message/transferred``.
    ///
    /// An encoded value names its ``Transferred`` things by their place in this list. So more can be appended to it, and
    /// nothing be removed or put in front.
    public var transfer: [Transferable]

    init(_ kind: FrameKind, _ content: Content, transfer: [Transferable]) {
        frame = kind
        self.content = content
        self.transfer = transfer
    }

    // MARK: Making

    /// Makes a message of bytes: an array, a slice, Foundation's `Data`. An array of bytes is not copied.
    public static func bytes(_ bytes: some Collection<UInt8>, transfer: [Transferable] = []) -> OutgoingMessage {
        OutgoingMessage(.bytes, .bytes([UInt8](bytes)), transfer: transfer)
    }

    /// Makes a message of text.
    public static func text(_ text: String, transfer: [Transferable] = []) -> OutgoingMessage {
        OutgoingMessage(.text, .text(text), transfer: transfer)
    }

    /// Makes a JSON message of text that is JSON already. The text is not checked: if it is not JSON, the receiver's
    /// ``Message/decode(_:)`` throws ``PortError/Code/notDecodable``.
    public static func json(_ json: String, transfer: [Transferable] = []) -> OutgoingMessage {
        OutgoingMessage(.json, .text(json), transfer: transfer)
    }

    /// Encodes a value as JSON, which the receiver takes with ``Message/decode(_:)``. Byte arrays and strings are
    /// encoded as JSON too. The settings are `JSONEncoder`'s defaults: a `Date` is the number of seconds since 2001, and
    /// `Data` is Base64. For other settings, or another encoder, there is ``encoding(as:transfer:with:)``.
    ///
    /// The ports, files and buffers that the value declares as ``Transferred`` are given away with the message. They
    /// stand in its ``transfer`` behind those that are given here.
    ///
    /// - Throws: ``PortError`` with ``PortError/Code/notEncodable`` where the value has no form in JSON, or has the same
    ///   port, file or buffer twice.
    public static func encoding(
        _ value: some Encodable, transfer: [Transferable] = []
    ) throws(PortError) -> OutgoingMessage {
        let encoder = JSONEncoder()
        // Escaped slashes are useful only in scripts inside of HTML.
        encoder.outputFormatting = .withoutEscapingSlashes
        do {
            return try encoding(transfer: transfer) { try encoder.encode(value) }
        } catch {
            let place = (error as? EncodingError)?.place ?? "\(error)"
            throw PortError(.notEncodable, "the \(type(of: value)) does not encode as JSON: \(place)", cause: error)
        }
    }

    /// Makes a message of what an encoder of the program's own returns, with the ports, files and buffers that the
    /// encoded value declares as ``Transferred``.
    ///
    /// ```swift
    /// let encoder = JSONEncoder()
    /// encoder.dateEncodingStrategy = .iso8601
    /// try port.postMessage(.encoding { try encoder.encode(export) })
    /// ```
    ///
    /// The receiver takes it with ``Message/decode(with:)``.
    /// - Parameters:
    ///   - kind: what the message is declared to be: JSON, or for another encoder, text or bytes.
    ///   - transfer: what is given away besides. It stands in the message's ``transfer`` first, and is counted in the
    ///     numbers that the value gets.
    ///   - encode: encodes the value and returns its bytes, such as Foundation's `Data`. Called once, before this
    ///     returns.
    /// - Throws: what the closure throws; `EncodingError` where the same port, file or buffer is to go along twice.
    public static func encoding<Failure: Error>(
        as kind: Message.Kind = .json, transfer: [Transferable] = [],
        with encode: () throws(Failure) -> some Collection<UInt8>
    ) throws(Failure) -> OutgoingMessage {
        let (bytes, things) = try ThingsEncoded.collect(behind: transfer, encode)
        return OutgoingMessage(kind.frame, .bytes([UInt8](bytes)), transfer: things)
    }

    /// Makes a message of one that was received: the same kind, the same bytes and all things that were transferred
    /// with it.
    ///
    /// The payload is not copied: this message, and a queue in which it waits, share the memory into which it was
    /// received. A payload is copied only when it has to wait and is a small part of that memory.
    ///
    /// The transferred things go on to the next receiver: once this message is posted, they are gone here and from the
    /// given message. So posting throws ``PortError/Code/detached`` where the program has closed one of the ports,
    /// files and buffers or given it away. To forward the payload without them, use `.bytes(message.bytes)`, or set
    /// ``transfer``.
    public static func forwarding(_ message: Message) -> OutgoingMessage {
        OutgoingMessage(message.kind.frame, .received(message.payload), transfer: message.transferred)
    }
}

extension OutgoingMessage: ExpressibleByStringInterpolation {
    /// Makes a message of text.
    public init(stringLiteral text: String) {
        self.init(.text, .text(text), transfer: [])
    }
}

extension OutgoingMessage {
    // MARK: Looking

    /// What the payload is declared to be.
    public var kind: Message.Kind { Message.Kind(frame: frame) }

    /// Lends the payload without a copy.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        switch content {
        case .bytes(let bytes): bytes.withUnsafeBytes(body)
        case .text(var text): text.withUTF8 { body(UnsafeRawBufferPointer($0)) }
        case .received(let received): received.withUnsafeBytes(body)
        }
    }

    /// The payload's length in bytes.
    public var count: Int {
        switch content {
        case .bytes(let bytes): bytes.count
        case .text(let text): text.utf8.count
        case .received(let payload): payload.count
        }
    }

    /// Lends the payload, and the object that keeps it at its address, if there is one.
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
