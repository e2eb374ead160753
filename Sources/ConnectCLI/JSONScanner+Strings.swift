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
