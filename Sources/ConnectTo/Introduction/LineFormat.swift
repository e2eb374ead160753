/// What a line carries: the two sides agree on it when they are introduced, and it is never guessed from what
/// arrives.
///
/// A later version may know more formats. A format that is not known here is shown as its word.
public struct LineFormat: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    /// The format's word on the bus.
    public let rawValue: String

    public init(rawValue: String) {
        self.rawValue = rawValue
    }

    /// Messages, posted and taken with a ``MessagePort``: see ``Bus/connectTo(_:origin:options:)`` and
    /// ``Context/connectEvents``.
    public static let messages = LineFormat(rawValue: "messages")
    /// Bytes in both directions, for a program or library that speaks a protocol of its own: see
    /// ``Bus/openStream(to:origin:options:)`` and ``Context/streams``.
    public static let stream = LineFormat(rawValue: "stream")

    public var description: String { rawValue }
}

extension LineFormat {
    /// The longest word of a format, in bytes: words of peers are kept and shown, so they need a bound.
    static let longestWord = 255

    /// Nil for a word that is too long.
    init?(word: String) {
        guard word.utf8.count <= Self.longestWord else { return nil }
        self.init(rawValue: word)
    }

    /// What lines of this format are or carry, to follow "lines to it".
    var words: String {
        switch self {
        case .messages: "carry messages"
        case .stream: "are streams of bytes"
        default: "carry \(rawValue)"
        }
    }
}
