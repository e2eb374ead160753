/// What a person does on the keyboard.
enum Key: Equatable {
    case text(String)
    case left, right, up, down, home, end
    case backspace, delete
    case save, quit, leave
}

/// Makes keys of what a terminal sends.
struct KeyReader {
    private var rest: [UInt8] = []

    mutating func keys(_ bytes: [UInt8]) -> [Key] {
        rest += bytes
        var keys: [Key] = []
        while let first = rest.first {
            if first == 0x1b, rest.count > 2, rest[1] == UInt8(ascii: "[") {
                let end = rest[2...].firstIndex { 0x40...0x7e ~= $0 } ?? rest.endIndex - 1
                if let key = Self.sequences[String(decoding: rest[2...end], as: UTF8.self)] { keys.append(key) }
                rest.removeFirst(end + 1)
            } else if first < 0x20 || first == 0x7f {
                if let key = Self.controls[first] { keys.append(key) }
                rest.removeFirst()
            } else {
                let text = rest.prefix { $0 >= 0x20 && $0 != 0x7f }
                let whole = text.count - Self.unfinished(text)
                if whole == 0 { break }
                keys.append(.text(String(decoding: text.prefix(whole), as: UTF8.self)))
                rest.removeFirst(whole)
            }
        }
        return keys
    }

    /// How many bytes at the end are a character's first ones, and the others have not come.
    private static func unfinished(_ bytes: ArraySlice<UInt8>) -> Int {
        for (count, byte) in bytes.suffix(4).reversed().enumerated() where byte & 0xc0 != 0x80 {
            let length = byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4
            return count + 1 < length ? count + 1 : 0
        }
        return 0
    }

    private static let sequences: [String: Key] = [
        "A": .up, "B": .down, "C": .right, "D": .left, "H": .home, "F": .end, "3~": .delete,
    ]
    private static let controls: [UInt8: Key] = [
        0x01: .home, 0x03: .leave, 0x04: .delete, 0x05: .end, 0x08: .backspace, 0x09: .text("    "), 0x0d: .text("\n"),
        0x0a: .text("\n"), 0x11: .quit, 0x13: .save, 0x7f: .backspace,
    ]
}
