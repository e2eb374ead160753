/// What a line carries: agreed on when the two sides are introduced, never guessed from what arrives.
///
/// A later version may know more of them; one that is not known here shows as the word that it is.
public struct LineFormat: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    /// The word as it stands on the bus.
    public let rawValue: String

    public init(rawValue: String) {
        self.rawValue = rawValue
    }

    /// Messages, posted and taken with a ``MessagePort``: see ``Bus/connectTo(_:origin:options:)`` and
    /// ``Context/connectEvents``.
    public static let messages = LineFormat(rawValue: "messages")
    /// Bytes as they come, in both directions, for a program or library that speaks a protocol of its own: see
    /// ``Bus/openStream(to:origin:options:)`` and ``Context/streams``.
    public static let stream = LineFormat(rawValue: "stream")

    public var description: String { rawValue }
}

extension LineFormat {
    /// A longer word is no format: what peers say is held and shown.
    static let longestWord = 255

    /// Nil for a word that is too long.
    init?(word: String) {
        guard word.utf8.count <= Self.longestWord else { return nil }
        self.init(rawValue: word)
    }

    /// What lines of it are, after "lines to it".
    var words: String {
        switch self {
        case .messages: "carry messages"
        case .stream: "are streams of bytes"
        default: "carry \(rawValue)"
        }
    }
}
