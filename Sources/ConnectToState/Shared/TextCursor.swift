/// A place in a text that stays beside the character that it was beside, whatever is written before or after it, and
/// where that character was when it is gone.
///
/// It means the same in every replica. As JSON it is a string, which goes well into ``SharedState/presence``.
public struct TextCursor: Hashable, Sendable {
    let anchor: TextAnchor

    /// Which character a cursor stays beside.
    public enum Neighbor: Sendable {
        /// The one before it. What others write at the cursor comes after it.
        case before
        /// The one after it. What others write at the cursor comes before it.
        case after
    }
}

extension TextCursor: Codable {
    /// `"<"` and `">"` are the beginning and the end; else the side of the character, the id of its replica in
    /// hexadecimal digits and its number.
    private var string: String {
        let sign = anchor.side == .left ? "<" : ">"
        guard let dot = anchor.character else { return sign }
        return "\(sign)\(String(dot.replica.number, radix: 16)).\(dot.counter)"
    }

    private init?(_ string: String) {
        guard let sign = string.first, sign == "<" || sign == ">" else { return nil }
        let side: TextSide = sign == "<" ? .left : .right
        if string.utf8.count == 1 {
            anchor = TextAnchor(character: nil, side: side)
            return
        }
        let parts = string.dropFirst().split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let number = UInt128(parts[0], radix: 16), let counter = UInt64(parts[1]) else {
            return nil
        }
        anchor = TextAnchor(character: Dot(replica: ReplicaID(number), counter: counter), side: side)
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let cursor = TextCursor(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "the string is no cursor of a text")
        }
        self = cursor
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(string)
    }
}
