/// Scans JSON text (RFC 8259) without building values, so that a value can be passed on exactly as it was written,
/// numbers of any size included. `JSONDecoder` builds values: it rounds numbers, and does not tell where a value begins.
///
/// Only memory limits the nesting, because the scanner does not recurse.
struct JSONScanner {
    /// The text is not JSON.
    struct Malformed: Error, Equatable {
        /// The offset of the error, in bytes from the start.
        let offset: Int
        /// The text is well-formed JSON, but a string has a lone surrogate, and so no value as text.
        var isHalfSurrogate = false
    }

    /// The deepest nesting of a message that is shown as JSON: every parser that a script may use accepts this depth.
    static let depthLimit = 128

    let text: [UInt8]
    /// The current offset, in bytes from the start.
    var position = 0
    /// The deepest nesting so far.
    private var depth = 0
    /// Whether a string had a lone surrogate.
    private var hasHalfSurrogate = false

    /// - Parameter text: UTF-8 that has been checked.
    init(_ text: [UInt8]) {
        self.text = text
    }

    /// The text on one text line, or `nil` if some parsers would refuse it.
    static func singleLine(_ bytes: [UInt8]) -> [UInt8]? {
        if !suitsEveryParser(bytes) { return nil }
        var line: [UInt8] = []
        line.reserveCapacity(bytes.count)
        appendOnOneLine(String(decoding: bytes, as: UTF8.self), to: &line)
        return line
    }

    /// Whether the text is exactly one JSON value that every parser accepts. Some parsers fail if the text is nested
    /// deeper than ``depthLimit``, or if a string has a lone surrogate.
    static func suitsEveryParser(_ bytes: [UInt8]) -> Bool {
        if String(validating: bytes, as: UTF8.self) == nil { return false }
        var scanner = JSONScanner(bytes)
        do throws(Malformed) {
            _ = try scanner.value()
            try scanner.expectEnd()
        } catch { return false }
        return scanner.depth <= depthLimit && !scanner.hasHalfSurrogate
    }

    /// Appends JSON on one text line. A newline can stand only between tokens, and becomes a space. A character that a
    /// terminal would act on can stand only in a string, and is escaped there.
    /// - Parameter text: JSON, or a part of it.
    static func appendOnOneLine(_ text: String, to line: inout [UInt8]) {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n", "\r": line.append(0x20)
            case "\t": line.append(0x09)
            default: JSONObject.append(scalar, to: &line)
            }
        }
    }

    /// Checks that the text is exactly one JSON value.
    static func check(_ text: [UInt8]) throws(Malformed) {
        var scanner = JSONScanner(text)
        _ = try scanner.value()
        try scanner.expectEnd()
    }

    var malformed: Malformed { Malformed(offset: position) }

    var current: UInt8? { position < text.count ? text[position] : nil }

    mutating func skipSpace() {
        while let byte = current, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
            position += 1
        }
    }

    /// Skips white space, then the given character.
    /// - Returns: `false` if another character is next, which is left.
    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard current == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    /// Checks that only white space is left.
    mutating func expectEnd() throws(Malformed) {
        skipSpace()
        if position != text.count { throw malformed }
    }

    /// Scans one value, and returns its range.
    mutating func value() throws(Malformed) -> Range<Int> {
        skipSpace()
        let start = position
        var closers: [Unicode.Scalar] = []
        repeat {
            // A value begins here. A container that is not empty stays open.
            if skip("{") {
                depth = max(depth, closers.count + 1)
                if !skip("}") {
                    closers.append("}")
                    try key()
                    continue
                }
            } else if skip("[") {
                depth = max(depth, closers.count + 1)
                if !skip("]") {
                    closers.append("]")
                    continue
                }
            } else {
                try scalar()
            }
            // A value has ended here, and so may the containers around it.
            while let closer = closers.last {
                if skip(closer) {
                    closers.removeLast()
                } else if skip(",") {
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
        if !skip(":") { throw malformed }
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
