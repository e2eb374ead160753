/// Carries any bytes through an argument parser that knows only strings, and back.
///
/// An argument that is UTF-8 passes as it is. In one that is not, every byte from 0x80 on becomes a scalar of
/// U+10FF80…U+10FFFF, the end of the last private plane; an argument that holds such scalars itself is
/// treated the same way. So ``bytes(of:)`` undoes ``escaped(_:)`` for every argument there is.
enum ArgumentBytes {
    private static let base: UInt32 = 0x10FF00

    static func escaped(_ bytes: [UInt8]) -> String {
        if let text = String(validating: bytes, as: UTF8.self), !text.unicodeScalars.contains(where: isEscape) {
            return text
        }
        var text = String.UnicodeScalarView()
        for byte in bytes {
            let value = byte < 0x80 ? UInt32(byte) : base + UInt32(byte)
            if let scalar = Unicode.Scalar(value) { text.append(scalar) }
        }
        return String(text)
    }

    static func bytes(of argument: String) -> [UInt8] {
        guard argument.unicodeScalars.contains(where: isEscape) else { return Array(argument.utf8) }
        return argument.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
    }

    /// What the argument says, or `nil` where it is not UTF-8.
    static func text(of argument: String) -> String? {
        String(validating: bytes(of: argument), as: UTF8.self)
    }

    /// Whether the scalar stands for a byte, the low eight bits of its value.
    static func isEscape(_ scalar: Unicode.Scalar) -> Bool { scalar.value >= base }

    /// The arguments of this process without its name, read from where the kernel put them:
    /// `CommandLine.arguments` would already have replaced what is not UTF-8.
    static func ofThisProcess() -> [String] {
        (1..<max(1, Int(CommandLine.argc))).map { index in
            guard let start = CommandLine.unsafeArgv[index] else { return "" }
            let characters = UnsafeBufferPointer(start: start, count: start.length)
            return escaped(characters.map { UInt8(bitPattern: $0) })
        }
    }
}

extension UnsafeMutablePointer<CChar> {
    /// The number of characters before the terminating NUL.
    fileprivate var length: Int {
        var length = 0
        while self[length] != 0 { length += 1 }
        return length
    }
}
