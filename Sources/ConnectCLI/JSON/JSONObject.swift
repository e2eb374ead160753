/// One JSON object on one text line, with its members in the order in which they were added. `JSONEncoder` sorts or
/// shuffles members, and leaves characters as they are that a terminal acts on.
struct JSONObject: Sendable, ExpressibleByDictionaryLiteral {
    enum Value: Sendable {
        case null
        case integer(Int)
        case string(String)
        case object(JSONObject)
        case objects([JSONObject])
        case boolean(Bool)
        /// JSON that has been checked and contains no newlines.
        case raw([UInt8])

        static func optional(_ text: String?) -> Value { text.map(Value.string) ?? .null }
        static func optional(_ number: (some BinaryInteger)?) -> Value {
            number.map { .integer(Int($0)) } ?? .null
        }
    }

    private var members: [UInt8] = []

    init(dictionaryLiteral members: (String, Value)...) {
        for (key, value) in members { add(key, value) }
    }

    /// An object of strings, for metadata, with the keys in byte order.
    init(strings: [String: String]) {
        for (key, value) in strings.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
            add(key, .string(value))
        }
    }

    mutating func add(_ key: String, _ value: Value) {
        if !members.isEmpty { members.append(UInt8(ascii: ",")) }
        Self.append(key, to: &members)
        members.append(UInt8(ascii: ":"))
        switch value {
        case .null: members.append(contentsOf: "null".utf8)
        case .integer(let number): members.append(contentsOf: String(number).utf8)
        case .string(let text): Self.append(text, to: &members)
        case .object(let object): members.append(contentsOf: object.bytes)
        case .objects(let objects):
            let list = objects.map(\.bytes).joined(separator: [UInt8(ascii: ",")])
            members.append(contentsOf: [UInt8(ascii: "[")] + list + [UInt8(ascii: "]")])
        case .boolean(let value): members.append(contentsOf: String(value).utf8)
        case .raw(let json): members.append(contentsOf: json)
        }
    }

    /// The object as UTF-8, without a newline.
    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(members.count + 3)
        bytes.append(UInt8(ascii: "{"))
        bytes.append(contentsOf: members)
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    private static let digits = Array("0123456789abcdef".utf8)

    private static func append(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        appendContents(of: text, to: &bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    /// Appends the part of a JSON string between the quotation marks.
    static func appendContents(of text: String, to bytes: inout [UInt8]) {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\":
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(UInt8(ascii: scalar))
            case "\n": bytes.append(contentsOf: "\\n".utf8)
            case "\r": bytes.append(contentsOf: "\\r".utf8)
            case "\t": bytes.append(contentsOf: "\\t".utf8)
            default: append(scalar, to: &bytes)
            }
        }
    }

    /// Appends a character inside a string: escaped if a terminal would act on it, else unchanged. Both mean the same
    /// in JSON.
    static func append(_ scalar: Unicode.Scalar, to bytes: inout [UInt8]) {
        if scalar.value >= 0x20, scalar.value < 0x7F {
            bytes.append(UInt8(truncatingIfNeeded: scalar.value))
        } else if TerminalText.acts(scalar) {
            for unit in scalar.utf16 {
                bytes.append(contentsOf: "\\u".utf8)
                for shift in stride(from: 12, through: 0, by: -4) { bytes.append(digits[Int(unit >> shift & 15)]) }
            }
        } else {
            bytes.append(contentsOf: scalar.utf8)
        }
    }
}
