/// A name for a file in one directory, made of what a peer calls it.
///
/// What a peer says never chooses a path: directories are stripped, and what is left is refused where it would
/// mean something else than a file of that name.
struct FileName: Equatable, Sendable {
    /// Without a closing NUL; any bytes but that and the slash, as file systems have it.
    let bytes: [UInt8]

    /// The most that Linux's file systems take, in bytes.
    static let limit = 255

    /// `nil` where nothing is left that could be a file's name: nothing at all, `.`, `..`, a NUL in it, too long.
    init?(received: [UInt8]) {
        let last = received.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).last ?? []
        let dot = UInt8(ascii: ".")
        guard !last.isEmpty, last.count <= Self.limit, !last.contains(0), Array(last) != [dot],
            Array(last) != [dot, dot]
        else { return nil }
        bytes = Array(last)
    }

    /// For people: what is not UTF-8 repaired, control characters escaped.
    var label: String { TerminalText.escaped(String(decoding: bytes, as: UTF8.self)) }
}
