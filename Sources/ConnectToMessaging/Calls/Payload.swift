public import ConnectTo
import FoundationEssentials

/// What came with a request, an answer or an event: bytes, text, JSON or nothing, and the things that were
/// transferred with it.
///
/// It is a view of the message in which it came, without a copy.
public struct Payload: Sendable {
    /// What the sender declared; nil where there is no payload, which is another thing than an empty one.
    public let kind: Message.Kind?
    private let message: Message
    private let offset: Int
    private let expanded: [UInt8]?

    /// - Parameter expanded: the bytes of a payload that was compressed.
    init(_ message: Message, _ body: Envelope.BodyKind?, offset: Int, expanded: [UInt8]? = nil) {
        self.message = message
        self.expanded = expanded
        self.offset = offset
        kind = body.map(Message.Kind.init)
    }

    /// Lends the name of a message whose envelope has no text besides: of a request or an event its type.
    func withName<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        message.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[Head.size..<offset])) }
    }

    /// The length in bytes.
    public var count: Int { expanded?.count ?? message.count - offset }

    /// The length of the message in which it came, if it is not compressed.
    var messageLength: Int { message.count }

    /// A copy of the bytes.
    public var bytes: [UInt8] { withUnsafeBytes { [UInt8]($0) } }

    /// The payload as a string, if it was sent as text or JSON and is UTF-8; otherwise nil.
    public var text: String? {
        guard kind == .text || kind == .json else { return nil }
        return withUnsafeBytes { String(validating: $0, as: UTF8.self) }
    }

    /// The things that were transferred with it, in the order of the sender's list.
    public var transferred: [Transferable] { message.transferred }

    /// Lends the bytes without a copy.
    public func withUnsafeBytes<Result: ~Copyable, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        if let expanded {
            return try expanded.span.bytes.withUnsafeBytes(body)
        }
        return try message.withUnsafeBytes { bytes throws(Failure) in
            try body(UnsafeRawBufferPointer(rebasing: bytes.dropFirst(offset)))
        }
    }

    /// Takes the payload as a value: `[UInt8]` where it was sent as bytes, `String` where it was sent as text,
    /// ``NoPayload`` whatever it is, and every other type where it was sent as JSON.
    ///
    /// The ports, files and buffers that the type declares as `Transferred` are those that came with the payload.
    ///
    /// - Throws: ``CallError`` with ``CallError/Code/invalidPayload``, which says in one sentence where in the
    ///   JSON it does not fit, and quotes no value; `cause` is the `DecodingError`.
    public func decode<Value: Decodable>(_ type: Value.Type = Value.self) throws(CallError) -> Value {
        // The types are the same. A cast by `as?` looks for more than that, in some thousand instructions.
        if type == NoPayload.self { return unsafeBitCast(NoPayload(), to: type) }
        if kind == .bytes, type == [UInt8].self { return unsafeBitCast(bytes, to: type) }
        if kind == .text, type == String.self, let text { return unsafeBitCast(text, to: type) }
        guard kind == .json else {
            throw CallError(
                .invalidPayload, "the payload is \(kind.map { "\($0)" } ?? "missing"), and a \(type) was expected")
        }
        do {
            return try decode { try JSONDecoder().decode(type, from: Data($0)) }
        } catch {
            let place = PortError.notDecodable("the payload", as: type, error)
            throw CallError(.invalidPayload, place.message, cause: error)
        }
    }

    /// Decodes the payload with a decoder of the program's own, as `Message.decode(with:)` does: it finds the ports,
    /// files and buffers that the type declares as `Transferred`.
    ///
    /// - Parameter decode: decodes the bytes, which are lent until it returns. The payload may be of any kind.
    /// - Throws: what the closure throws.
    public func decode<Value, Failure: Error>(
        with decode: (UnsafeRawBufferPointer) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        try message.decode { bytes throws(Failure) in
            if let expanded {
                return try expanded.span.bytes.withUnsafeBytes(decode)
            }
            return try decode(UnsafeRawBufferPointer(rebasing: bytes.dropFirst(offset)))
        }
    }
}

extension OutgoingMessage {
    /// What a value is on the wire: `[UInt8]` bytes, `String` text, and every other type JSON; nil for ``NoPayload``.
    ///
    /// So a program can send, as a request whose type is known only now, what a typed one sends.
    ///
    /// - Throws: ``CallError`` with ``CallError/Code/notEncodable``.
    public static func payload<Value: Encodable & Sendable>(_ value: Value) throws(CallError) -> OutgoingMessage? {
        if Value.self == NoPayload.self { return nil }
        // As in `decode`.
        if Value.self == [UInt8].self { return .bytes(unsafeBitCast(value, to: [UInt8].self)) }
        if Value.self == String.self { return .text(unsafeBitCast(value, to: String.self)) }
        do throws(PortError) {
            return try .encoding(value)
        } catch {
            throw CallError(.notEncodable, error.message, cause: error)
        }
    }
}
