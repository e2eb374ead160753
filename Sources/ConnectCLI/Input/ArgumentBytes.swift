import CConnectToLinux
import Glibc

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

    /// The arguments of this process without its name, as the kernel passed them.
    ///
    /// Not from `CommandLine`, which has replaced what is not UTF-8, and ends a process that has no /proc, or no
    /// descriptor to read them from there.
    static func ofThisProcess() -> [String] {
        (1...).lazy.map { clinux_argument($0) }.prefix { $0 != nil }.map { argument in
            argument.map { escaped(Array(UnsafeRawBufferPointer(start: $0, count: strlen($0)))) } ?? ""
        }
    }
}
