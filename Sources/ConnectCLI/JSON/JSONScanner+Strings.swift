extension JSONScanner {
    /// Scans a string, and returns its value.
    /// - Throws: ``Malformed``, also for a string with a lone surrogate, which has no value as text.
    mutating func string() throws(Malformed) -> String {
        let (bytes, halfSurrogate) = try stringBytes()
        if let halfSurrogate { throw Malformed(offset: halfSurrogate, isHalfSurrogate: true) }
        guard let string = String(validating: bytes, as: UTF8.self) else { throw malformed }
        return string
    }

    /// Scans a string. JSON allows a lone surrogate (`\ud83d` alone). It is left out of the bytes, and its offset is
    /// returned.
    mutating func stringBytes() throws(Malformed) -> (bytes: [UInt8], halfSurrogate: Int?) {
        guard skip("\"") else { throw malformed }
        var bytes: [UInt8] = []
        var halfSurrogate: Int?
        while let byte = current {
            let start = position
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return (bytes, halfSurrogate)
            case UInt8(ascii: "\\"):
                if try !escape(into: &bytes) { halfSurrogate = halfSurrogate ?? start }
            case 0..<0x20: throw malformed
            default: bytes.append(byte)
            }
        }
        throw malformed
    }

    /// - Returns: `false` for a lone surrogate.
    private mutating func escape(into bytes: inout [UInt8]) throws(Malformed) -> Bool {
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
            guard let scalar = Unicode.Scalar(try codePoint()) else { return false }
            bytes.append(contentsOf: scalar.utf8)
        default: throw malformed
        }
        return true
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
