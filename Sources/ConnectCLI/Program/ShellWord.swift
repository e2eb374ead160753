/// A word of a command line, as one types it into a shell: what advice says can be pasted.
enum ShellWord {
    private static let plain = Set<Unicode.Scalar>(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+./:@%,=".unicodeScalars)

    /// In apostrophes where the shell would take it for something else than one word; what is not to be shown on a
    /// terminal as `$'…'`, which bash, zsh and POSIX.1-2024 know, by the numbers of its bytes.
    static func quoted(_ word: String) -> String {
        if !word.isEmpty, word.unicodeScalars.allSatisfy(plain.contains) { return word }
        if word.unicodeScalars.contains(where: TerminalText.isUnseen) {
            return "$'\(word.unicodeScalars.map(escaped).joined())'"
        }
        // Nothing is special between apostrophes but the apostrophe itself.
        return "'\(word.unicodeScalars.map { $0 == "'" ? "'\\''" : String($0) }.joined())'"
    }

    /// Within `$'…'`.
    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "'", "\\": return "\\\(scalar)"
        case "\n": return "\\n"
        case "\r": return "\\r"
        case "\t": return "\\t"
        default: break
        }
        guard TerminalText.isUnseen(scalar) else { return String(scalar) }
        // Three digits: what follows may be one.
        return ArgumentBytes.bytes(of: String(scalar)).map { byte in
            let digits = String(byte, radix: 8)
            return "\\" + String(repeating: "0", count: 3 - digits.count) + digits
        }.joined()
    }
}
