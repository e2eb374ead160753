/// What a line carries: the two sides agree on it when they are introduced, and it is never guessed from what
/// arrives.
///
/// Beside ``messages`` and ``stream`` a format is the name of what messages mean to two programs, as the subprotocol
/// of a WebSocket is: such lines carry messages like any other, and a caller that would misunderstand them is refused
/// instead. Words without a dot belong to this project; choose one that begins with a reverse DNS name of yours.
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

    /// Whether lines of this format carry bytes; all others carry messages.
    var isStream: Bool { self == .stream }

    /// Whether it can be told to other programs.
    var isWord: Bool { !rawValue.isEmpty && rawValue.utf8.count <= Self.longestWord }

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
