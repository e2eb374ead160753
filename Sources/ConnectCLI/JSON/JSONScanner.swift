/// Walks over JSON text (RFC 8259) without building values, so that what is found can be passed on exactly as it
/// was written, numbers of any size included.
///
/// The nesting it takes is bounded by memory alone: it does not recurse.
struct JSONScanner {
    /// The text is not JSON.
    struct Malformed: Error, Equatable {
        /// Where, in bytes from the start.
        let offset: Int
        /// Well-formed, but half a surrogate pair, and so no text.
        var isHalfSurrogate = false
    }

    /// How many levels what is shown as JSON may have: what every parser takes that a script may use.
    static let depthLimit = 128

    let text: [UInt8]
    /// Where the walk stands, in bytes from the start.
    var position = 0
    /// How many levels the deepest value has had.
    private var depth = 0
    /// Whether a string had half a surrogate pair in it.
    private var hasHalfSurrogate = false

    /// - Parameter text: UTF-8; whether it is has been checked.
    init(_ text: [UInt8]) {
        self.text = text
    }

    /// The text on one line, or `nil` where not every parser takes it.
    static func singleLine(_ bytes: [UInt8]) -> [UInt8]? {
        if !suitsEveryParser(bytes) { return nil }
        var line: [UInt8] = []
        line.reserveCapacity(bytes.count)
        appendOnOneLine(String(decoding: bytes, as: UTF8.self), to: &line)
        return line
    }

    /// Whether the text is exactly one JSON value that every parser takes: there are those that end with an error where it
    /// is deeper than ``depthLimit``, or where a string has half a surrogate pair.
    static func suitsEveryParser(_ bytes: [UInt8]) -> Bool {
        if String(validating: bytes, as: UTF8.self) == nil { return false }
        var scanner = JSONScanner(bytes)
        do throws(Malformed) {
            _ = try scanner.value()
            try scanner.end()
        } catch { return false }
        return scanner.depth <= depthLimit && !scanner.hasHalfSurrogate
    }

    /// Newlines can stand between tokens only; each becomes a space. What would act on a terminal can stand in strings
    /// only, and is escaped there.
    /// - Parameter text: JSON, or a piece of it.
    static func appendOnOneLine(_ text: String, to line: inout [UInt8]) {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n", "\r": line.append(0x20)
            case "\t": line.append(0x09)
            default: JSONObject.append(scalar, to: &line)
            }
        }
    }

    /// Looks whether the text is exactly one JSON value.
    static func check(_ text: [UInt8]) throws(Malformed) {
        var scanner = JSONScanner(text)
        _ = try scanner.value()
        try scanner.end()
    }

    var malformed: Malformed { Malformed(offset: position) }

    var current: UInt8? { position < text.count ? text[position] : nil }

    mutating func skipSpace() {
        while let byte = current, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
            position += 1
        }
    }

    /// Takes one character if it comes next, after white space.
    mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard current == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    /// Nothing but white space is left.
    mutating func end() throws(Malformed) {
        skipSpace()
        if position != text.count { throw malformed }
    }

    /// Walks over one value, and says where it stands.
    mutating func value() throws(Malformed) -> Range<Int> {
        skipSpace()
        let start = position
        var closers: [Unicode.Scalar] = []
        repeat {
            // A value begins here; a container that is not empty stays open.
            if take("{") {
                depth = max(depth, closers.count + 1)
                if !take("}") {
                    closers.append("}")
                    try key()
                    continue
                }
            } else if take("[") {
                depth = max(depth, closers.count + 1)
                if !take("]") {
                    closers.append("]")
                    continue
                }
            } else {
                try scalar()
            }
            // A value has ended: so may the containers around it.
            while let closer = closers.last {
                if take(closer) {
                    closers.removeLast()
                } else if take(",") {
                    if closer == "}" { try key() }
                    break
                } else {
                    throw malformed
                }
            }
        } while !closers.isEmpty
        return start..<position
    }

    private mutating func key() throws(Malformed) {
        try skipString()
        if !take(":") { throw malformed }
    }

    private mutating func skipString() throws(Malformed) {
        if try stringBytes().halfSurrogate != nil { hasHalfSurrogate = true }
    }

    private mutating func scalar() throws(Malformed) {
        switch current {
        case UInt8(ascii: "\""): try skipString()
        case UInt8(ascii: "t"): try word("true")
        case UInt8(ascii: "f"): try word("false")
        case UInt8(ascii: "n"): try word("null")
        default: try number()
        }
    }

    private mutating func word(_ word: StaticString) throws(Malformed) {
        for offset in 0..<word.utf8CodeUnitCount {
            guard current == word.utf8Start[offset] else { throw malformed }
            position += 1
        }
    }

    private mutating func number() throws(Malformed) {
        if current == UInt8(ascii: "-") { position += 1 }
        if current == UInt8(ascii: "0") {
            position += 1
        } else {
            try digits()
        }
        if current == UInt8(ascii: ".") {
            position += 1
            try digits()
        }
        if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
            position += 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { position += 1 }
            try digits()
        }
    }

    private mutating func digits() throws(Malformed) {
        let start = position
        while let byte = current, UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte { position += 1 }
        if position == start { throw malformed }
    }
}
