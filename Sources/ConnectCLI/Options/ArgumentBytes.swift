import CConnectToLinux
import Glibc

/// Carries arbitrary bytes through an argument parser that only knows strings, and back.
///
/// An argument that is UTF-8 stays as it is. In any other, each byte from 0x80 on becomes a scalar from U+10FF80 to
/// U+10FFFF, the end of the last private plane. An argument that contains such scalars itself is treated in the same
/// way. So ``bytes(of:)`` undoes ``escaped(_:)`` for every argument.
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

    /// The argument as text, or `nil` if it is not UTF-8.
    static func text(of argument: String) -> String? {
        String(validating: bytes(of: argument), as: UTF8.self)
    }

    /// Whether the scalar stands for a byte, which is the low eight bits of its value.
    static func isEscape(_ scalar: Unicode.Scalar) -> Bool { scalar.value >= base }

    /// This process's arguments without the program name, as the kernel passed them.
    ///
    /// Not taken from `CommandLine`: that replaces invalid UTF-8, and crashes if there is no /proc, or no free
    /// descriptor to read the arguments from there.
    static func ofThisProcess() -> [String] {
        (1...).lazy.map { clinux_argument($0) }.prefix { $0 != nil }.map { argument in
            argument.map { escaped(Array(UnsafeRawBufferPointer(start: $0, count: strlen($0)))) } ?? ""
        }
    }
}
