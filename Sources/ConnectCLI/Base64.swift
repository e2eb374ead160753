/// Base64 with padding (RFC 4648, section 4).
enum Base64 {
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encoded(_ bytes: [UInt8]) -> String {
        String(unsafeUninitializedCapacity: (bytes.count + 2) / 3 * 4) { room in
            var filled = 0
            for start in stride(from: 0, to: bytes.count, by: 3) {
                let count = min(3, bytes.count - start)
                var group: UInt32 = 0
                for offset in 0..<3 {
                    group = group << 8 | (offset < count ? UInt32(bytes[start + offset]) : 0)
                }
                for place in 0..<4 {
                    let index = Int(group >> UInt32(18 - 6 * place) & 63)
                    room[filled] = place <= count ? alphabet[index] : UInt8(ascii: "=")
                    filled += 1
                }
            }
            return filled
        }
    }

    /// `nil` for what is not base64: a foreign character, a wrong length, bits behind the end.
    static func decoded(_ text: String) -> [UInt8]? {
        let characters = Array(text.utf8)
        guard characters.count.isMultiple(of: 4) else { return nil }
        let padding = characters.suffix(2).count { $0 == UInt8(ascii: "=") }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(characters.count / 4 * 3)
        for start in stride(from: 0, to: characters.count, by: 4) {
            let missing = start + 4 == characters.count ? padding : 0
            var group: UInt32 = 0
            for place in 0..<4 {
                if place >= 4 - missing {
                    guard characters[start + place] == UInt8(ascii: "=") else { return nil }
                    group <<= 6
                } else {
                    guard let value = value(of: characters[start + place]) else { return nil }
                    group = group << 6 | value
                }
            }
            let kept = 3 - missing
            guard group & (missing == 0 ? 0 : missing == 1 ? 0xFF : 0xFFFF) == 0 else { return nil }
            for offset in 0..<kept { bytes.append(UInt8(group >> UInt32(16 - 8 * offset) & 0xFF)) }
        }
        return bytes
    }

    private static func value(of character: UInt8) -> UInt32? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
