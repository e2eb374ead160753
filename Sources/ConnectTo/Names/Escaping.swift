/// The escaping of names on the bus: bytes outside `[A-Za-z0-9]`, and a leading digit, become `_` and two
/// lower-case hexadecimal digits (`dbus/PROTOCOL.md`, "Names").
enum Escaping {
    static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    static func escape(_ name: String) -> String {
        String(unsafeUninitializedCapacity: 3 * name.utf8.count) { escaped in
            var count = 0
            for byte in name.utf8 {
                if isAlphanumeric(byte), count > 0 || !isDigit(byte) {
                    escaped[count] = byte
                    count += 1
                } else {
                    count = append(byte, to: escaped, at: count)
                }
            }
            return count
        }
    }

    /// Writes a byte's escaped form at an index.
    /// - Returns: the index behind it.
    static func append(_ byte: UInt8, to text: UnsafeMutableBufferPointer<UInt8>, at index: Int) -> Int {
        text[index] = UInt8(ascii: "_")
        text[index + 1] = digit(byte >> 4)
        text[index + 2] = digit(byte & 15)
        return index + 3
    }

    /// The reverse of ``escape(_:)``; nil for everything that ``escape(_:)`` does not produce.
    static func unescape(_ escaped: String) -> String? {
        var bytes: [UInt8] = []
        var rest = escaped.utf8[...]
        while let byte = rest.popFirst() {
            if byte != UInt8(ascii: "_") {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(value), let low = rest.popFirst().flatMap(value) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        guard !bytes.isEmpty, let name = String(validating: bytes, as: UTF8.self),
            escape(name).utf8.elementsEqual(escaped.utf8)
        else { return nil }
        return name
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
