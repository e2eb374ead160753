import FoundationEssentials

/// A message that arrived on a port: bytes, text or JSON, as the sender declared it.
///
/// A message of more than 64 bytes is a view of memory that it shares with the messages received next to it: up to 256
/// KiB, and after a longer message up to that message's length. A program that keeps a few of many messages for a long
/// time should take a copy with ``bytes``.
public struct Message: Sendable {
    /// What the sender declared the payload to be.
    public struct Kind: Sendable, Hashable, CustomStringConvertible {
        /// Any bytes.
        public static let bytes = Kind(frame: .bytes)
        /// The sender declares UTF-8; ``Message/text`` checks it.
        public static let text = Kind(frame: .text)
        /// The sender declares a JSON value; ``Message/decode(_:)`` checks it.
        public static let json = Kind(frame: .json)

        let frame: FrameKind

        public var description: String { "\(frame)" }
    }

    // The first property, since it has the largest alignment: the message stays small, and it is moved several times.
    @usableFromInline let payload: Payload
    /// What the sender declared the payload to be.
    public let kind: Kind
    private let attachment: Attachment?

    init(_ kind: FrameKind, _ payload: Payload, transferred: [Transferable]? = nil) {
        self.kind = Kind(frame: kind)
        self.payload = payload
        attachment = transferred.map(Attachment.init)
    }

    /// A class, so that a plain message pays only one word for its absence.
    private final class Attachment: Sendable {
        let things: [Transferable]

        init(_ things: [Transferable]) {
            self.things = things
        }
    }

    var hasAttachment: Bool { attachment != nil }

    /// The things transferred with the message, in the order of the sender's list.
    public var transferred: [Transferable] { attachment?.things ?? [] }

    /// The transferred ports, in the order of the sender's list; none of them is started.
    public var ports: [MessagePort] {
        transferred.compactMap(\.port)
    }

    /// The transferred open files, in the order of the sender's list.
    public var files: [OpenFile] {
        transferred.compactMap(\.file)
    }

    /// The transferred buffers, in the order of the sender's list.
    public var buffers: [SharedBuffer] {
        transferred.compactMap(\.buffer)
    }

    /// The payload's length in bytes.
    public var count: Int { payload.count }

    /// A copy of the payload.
    public var bytes: [UInt8] { withUnsafeBytes { [UInt8]($0) } }

    /// The payload as a string, if it was sent as text or JSON and is valid UTF-8; otherwise nil.
    public var text: String? {
        if kind == .bytes { return nil }
        return withUnsafeBytes { String(validating: $0, as: UTF8.self) }
    }

    /// Whether ``text`` is not nil, where the message was sent as text or JSON; true for bytes.
    var isDecodable: Bool {
        if kind == .bytes { return true }
        return withUnsafeBytes {
            (try? UTF8Span(validating: $0.assumingMemoryBound(to: UInt8.self).span)) != nil
        }
    }

    /// Lends the payload without a copy.
    @inlinable
    public func withUnsafeBytes<Result: ~Copyable, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try payload.withUnsafeBytes(body)
    }

    /// Decodes a JSON payload, with `JSONDecoder`'s default settings. For other settings, or another decoder, there is
    /// ``decode(with:)``.
    ///
    /// The ports, files and buffers that the type declares as ``Transferred`` are those of this message. What the value
    /// does not name stays in ``transferred`` alone, and is closed with the message's last copy.
    ///
    /// - Throws: ``PortError`` with ``PortError/Code/notDecodable`` where the message was not sent as JSON, is not
    ///   JSON, does not fit the type, or names a port, file or buffer that did not come with it, is of another kind, or
    ///   has two places in the value. The error does not affect the port.
    public func decode<Value: Decodable>(_ type: Value.Type = Value.self) throws(PortError) -> Value {
        guard kind == .json else {
            throw PortError(
                .notDecodable, "the message was sent as \(kind), not as JSON; read its text or bytes")
        }
        do {
            return try decode { try JSONDecoder().decode(type, from: Data($0)) }
        } catch {
            throw .notDecodable("the message", as: type, error)
        }
    }

    /// Decodes the payload with a decoder of the program's own, which finds the ports, files and buffers that the type
    /// declares as ``Transferred``.
    ///
    /// ```swift
    /// let decoder = JSONDecoder()
    /// decoder.dateDecodingStrategy = .iso8601
    /// let export = try message.decode { try decoder.decode(Export.self, from: Data($0)) }
    /// ```
    ///
    /// - Parameter decode: decodes the bytes, which are lent until it returns. Called once, before this returns. The
    ///   message may be of any kind.
    /// - Throws: what the closure throws; `DecodingError` where a number does not fit the things that came.
    public func decode<Value, Failure: Error>(
        with decode: (UnsafeRawBufferPointer) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        try ThingsDecoded.offer(transferred) { () throws(Failure) in try withUnsafeBytes(decode) }
    }
}
