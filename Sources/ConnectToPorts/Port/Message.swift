import FoundationEssentials

/// What arrived on a port: bytes, text or JSON, as the sender declared it.
///
/// Where it is longer than 64 bytes it is a view of memory that it shares with its neighbours: up to 256 KiB, and
/// behind a longer message up to as much as that. Who keeps a few of many messages for a long time takes a copy with
/// ``bytes``.
public struct Message: Sendable {
    /// What the sender declared the payload to be.
    public struct Kind: Sendable, Hashable, CustomStringConvertible {
        /// Anything.
        public static let bytes = Kind(frame: .bytes)
        /// UTF-8, as the sender says; ``Message/text`` checks it.
        public static let text = Kind(frame: .text)
        /// A JSON value, as the sender says; ``Message/decode(_:)`` checks it.
        public static let json = Kind(frame: .json)

        let frame: FrameKind

        public var description: String { "\(frame)" }
    }

    // First, since it is aligned to more than the others: a message is moved a few times.
    @usableFromInline let payload: Payload
    /// What the sender declared it to be.
    public let kind: Kind
    private let attachment: Attachment?

    init(_ kind: FrameKind, _ payload: Payload, transferred: [Transferable]? = nil) {
        self.kind = Kind(frame: kind)
        self.payload = payload
        attachment = transferred.map(Attachment.init)
    }

    /// A plain message pays one word for it.
    private final class Attachment: Sendable {
        let things: [Transferable]

        init(_ things: [Transferable]) {
            self.things = things
        }
    }

    var hasAttachment: Bool { attachment != nil }

    /// What came along, in the order of the sender's list.
    public var transferred: [Transferable] { attachment?.things ?? [] }

    /// The ports that came along, in the order of the sender's list; none of them started.
    public var ports: [MessagePort] {
        transferred.compactMap(\.port)
    }

    /// The open files that came along, in the order of the sender's list.
    public var files: [OpenFile] {
        transferred.compactMap(\.file)
    }

    /// The buffers that came along, in the order of the sender's list.
    public var buffers: [SharedBuffer] {
        transferred.compactMap(\.buffer)
    }

    /// The payload's length in bytes.
    public var count: Int { payload.count }

    /// The payload, copied.
    public var bytes: [UInt8] { withUnsafeBytes { [UInt8]($0) } }

    /// The payload as a string, if it was sent as text or JSON and is valid UTF-8; else nil.
    public var text: String? {
        if kind == .bytes { return nil }
        return withUnsafeBytes { String(validating: $0, as: UTF8.self) }
    }

    /// Whether ``text`` is there, where it was sent as such.
    package var isDecodable: Bool {
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

    /// Decodes a JSON payload.
    ///
    /// - Throws: ``PortError`` with ``PortError/Code/notDecodable`` where the message was not sent as JSON, is
    ///   not JSON, or does not fit the type; the port is untouched by it.
    public func decode<Value: Decodable>(_ type: Value.Type = Value.self) throws(PortError) -> Value {
        guard kind == .json else {
            throw PortError(
                .notDecodable, "the message was sent as \(kind), not as JSON; see its text or bytes")
        }
        do {
            return try JSONDecoder().decode(type, from: withUnsafeBytes { Data($0) })
        } catch {
            let place = (error as? DecodingError)?.place ?? "\(error)"
            throw PortError(.notDecodable, "the message does not decode as \(type): \(place)", cause: error)
        }
    }
}
