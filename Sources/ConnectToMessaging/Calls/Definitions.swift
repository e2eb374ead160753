/// A question that both programs know: its type on the wire, what is asked and what is answered.
///
/// ```swift
/// enum Dashboard {
///     static let status = Request<StatusQuery, Status>("status")
/// }
/// ```
///
/// Both programs compile the same definition, so that the compiler checks both sides. `[UInt8]` travels as bytes,
/// `String` as text, ``NoPayload`` as nothing at all, and every other type as JSON.
///
/// A name that no type can have is a mistake in the program: asking and posting throw
/// ``CallError/Code/notEncodable``, and setting a handler ends the program (a precondition).
public struct Request<Query: Codable & Sendable, Answer: Codable & Sendable>: Sendable {
    /// The name on the wire: 1 to 255 bytes of UTF-8 that do not begin with `@`.
    public let type: String

    /// Defines a request.
    public init(_ type: String) {
        self.type = type
    }
}

/// A question with many answers: see ``Request``.
public struct StreamRequest<Query: Codable & Sendable, Element: Codable & Sendable>: Sendable {
    /// The name on the wire: 1 to 255 bytes of UTF-8 that do not begin with `@`.
    public let type: String

    /// Defines a request for a stream.
    public init(_ type: String) {
        self.type = type
    }
}

/// Something that one program tells others, and that no answer belongs to: see ``Request``.
public struct Event<Content: Codable & Sendable>: Sendable {
    /// The name on the wire: 1 to 255 bytes of UTF-8 that do not begin with `@`.
    public let type: String

    /// Defines an event.
    public init(_ type: String) {
        self.type = type
    }
}

/// The payload of a request, answer or event that has none.
public struct NoPayload: Codable, Sendable, Hashable {
    /// Makes nothing.
    public init() {}
}
