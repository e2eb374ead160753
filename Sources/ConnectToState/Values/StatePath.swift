/// Where a value stands in a document: the keys from the outermost object to it. The empty path is the whole document.
///
/// It is written with dots (`"user.name"`), or as a JSON pointer (RFC 6901) where keys contain dots
/// (`StatePath(pointer: "/hosts/example.org")`). A key may be any string. Arrays are values as a whole: no path leads
/// into one. Two paths are the same where the bytes of their keys are.
public struct StatePath: Hashable, Sendable {
    let steps: [StateKey]

    init(steps: [StateKey]) {
        self.steps = steps
    }

    /// The keys, the outermost first.
    public var keys: [String] { steps.map(\.string) }

    /// The bytes of all keys.
    var byteCount: Int { steps.reduce(0) { $0 + $1.string.utf8.count } }

    /// Makes a path of its keys.
    public init(_ keys: [String] = []) {
        steps = keys.map(StateKey.init)
    }

    /// Makes a path of its keys, written with dots between them; the empty string is the whole document.
    public init(_ dotted: String) {
        steps =
            dotted.isEmpty
            ? [] : dotted.split(separator: ".", omittingEmptySubsequences: false).map { StateKey(String($0)) }
    }

    /// Makes a path of a JSON pointer; nil where the text is none.
    public init?(pointer: String) {
        guard pointer.isEmpty || pointer.utf8.first == UInt8(ascii: "/") else { return nil }
        var steps: [StateKey] = []
        for token in pointer.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
            guard let key = Self.unescape(token) else { return nil }
            steps.append(StateKey(key))
        }
        self.steps = steps
    }

    /// The path as a JSON pointer, which every path can be written as.
    public var pointer: String {
        keys.map { "/" + $0.replacing("~", with: "~0").replacing("/", with: "~1") }.joined()
    }

    /// The path of something inside.
    public func appending(_ key: String) -> StatePath {
        StatePath(steps: steps + [StateKey(key)])
    }

    /// `~1` is a slash, `~0` a tilde, and a tilde before anything else is an error (RFC 6901, section 3).
    private static func unescape(_ token: Substring) -> String? {
        var key = ""
        var rest = token[...]
        while let tilde = rest.firstIndex(of: "~") {
            key += rest[..<tilde]
            let escaped = rest.index(after: tilde)
            guard escaped < rest.endIndex else { return nil }
            switch rest[escaped] {
            case "0": key += "~"
            case "1": key += "/"
            default: return nil
            }
            rest = rest[rest.index(after: escaped)...]
        }
        return key + rest
    }
}

extension StatePath: ExpressibleByStringLiteral {
    public init(stringLiteral value: String) { self.init(value) }
}

extension StatePath: Comparable {
    /// Key by key, by their bytes of UTF-8; what is above comes first.
    public static func < (left: StatePath, right: StatePath) -> Bool {
        left.steps.lexicographicallyPrecedes(right.steps)
    }
}

extension StatePath: CustomStringConvertible {
    /// With dots where it can be read back so, and as a JSON pointer otherwise.
    public var description: String {
        let dotted = keys.joined(separator: ".")
        return StatePath(dotted) == self && !dotted.hasPrefix("/") ? dotted : pointer
    }
}

extension StatePath: Codable {
    /// As a JSON pointer.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let path = StatePath(pointer: text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "a path is a JSON pointer, as /user/name, and not \(text.prefix(100))")
        }
        self = path
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(pointer)
    }
}
