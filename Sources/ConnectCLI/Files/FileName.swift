/// A file's name within one directory, made from the name that a peer gives.
///
/// A peer can never choose a path: directories are stripped, and a rest that is not an ordinary file name is refused.
struct FileName: Equatable, Sendable {
    /// The bytes of the name, without a closing NUL: any but NUL and slash, as in file systems.
    let bytes: [UInt8]

    /// The longest name that Linux file systems accept, in bytes.
    static let limit = 255

    /// `nil` if the rest cannot be a file's name: if it is empty, `.` or `..`, contains a NUL, or is too long.
    init?(received: [UInt8]) {
        let last = received.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).last ?? []
        let dot = UInt8(ascii: ".")
        guard !last.isEmpty, last.count <= Self.limit, !last.contains(0), Array(last) != [dot],
            Array(last) != [dot, dot]
        else { return nil }
        bytes = Array(last)
    }

    /// The name for people: invalid UTF-8 is repaired, control characters are escaped.
    var label: String { TerminalText.escaped(String(decoding: bytes, as: UTF8.self)) }
}
