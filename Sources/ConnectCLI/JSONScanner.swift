/// Walks over JSON text (RFC 8259) without building values, so that what is found can be passed on exactly as it
/// was written, numbers of any size included.
///
/// The nesting it takes is bounded by memory alone: it does not recurse.
struct JSONScanner {
    /// The text is not JSON.
    struct Malformed: Error, Equatable {
        /// Where, in bytes from the start.
        let offset: Int
    }

    let text: [UInt8]
    private(set) var position = 0

    /// - Parameter text: UTF-8; whether it is has been checked.
    init(_ text: [UInt8]) {
        self.text = text
    }

    /// The text on one line, or `nil` where it is not exactly one JSON value. Newlines can stand between tokens
    /// only; each becomes a space.
    static func singleLine(_ text: [UInt8]) -> [UInt8]? {
        var scanner = JSONScanner(text)
        do throws(Malformed) {
            _ = try scanner.value()
            try scanner.end()
        } catch { return nil }
        return text.map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 }
    }

    private var malformed: Malformed { Malformed(offset: position) }

    private var current: UInt8? { position < text.count ? text[position] : nil }

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
                if !take("}") {
                    closers.append("}")
                    try key()
                    continue
                }
            } else if take("[") {
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
        _ = try string()
        if !take(":") { throw malformed }
    }

    private mutating func scalar() throws(Malformed) {
        switch current {
        case UInt8(ascii: "\""): _ = try string()
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

// MARK: Strings

extension JSONScanner {
    /// Walks over a string, and gives what it says.
    mutating func string() throws(Malformed) -> String {
        guard take("\"") else { throw malformed }
        var bytes: [UInt8] = []
        while let byte = current {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: bytes, as: UTF8.self) else { throw malformed }
                return string
            case UInt8(ascii: "\\"): try escape(into: &bytes)
            case 0..<0x20: throw malformed
            default: bytes.append(byte)
            }
        }
        throw malformed
    }

    private mutating func escape(into bytes: inout [UInt8]) throws(Malformed) {
        guard let character = current else { throw malformed }
        position += 1
        switch character {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(character)
        case UInt8(ascii: "b"): bytes.append(0x08)
        case UInt8(ascii: "f"): bytes.append(0x0C)
        case UInt8(ascii: "n"): bytes.append(0x0A)
        case UInt8(ascii: "r"): bytes.append(0x0D)
        case UInt8(ascii: "t"): bytes.append(0x09)
        case UInt8(ascii: "u"):
            // Half a surrogate pair is grammatical but says nothing; it reads as the replacement character.
            let scalar = Unicode.Scalar(try codePoint()) ?? "\u{FFFD}"
            bytes.append(contentsOf: Array(String(scalar).utf8))
        default: throw malformed
        }
    }

    private mutating func codePoint() throws(Malformed) -> UInt32 {
        let high = try fourHexDigits()
        guard 0xD800...0xDBFF ~= high, text[position...].starts(with: "\\u".utf8) else { return high }
        let behindHigh = position
        position += 2
        let low = try fourHexDigits()
        if 0xDC00...0xDFFF ~= low { return 0x10000 + (high - 0xD800) << 10 + (low - 0xDC00) }
        position = behindHigh
        return high
    }

    private mutating func fourHexDigits() throws(Malformed) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = current, let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80
            else { throw malformed }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }
}
