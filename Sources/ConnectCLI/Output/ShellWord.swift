/// A word of a shell command line, quoted so that users can paste the commands that advice contains.
enum ShellWord {
    private static let plain = Set<Unicode.Scalar>(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+./:@%,=".unicodeScalars)

    /// Puts the word in apostrophes if the shell would not read it as one plain word. Uses `$'…'` with octal escapes if
    /// it has characters that must not reach a terminal; bash, zsh and POSIX.1-2024 know that form.
    static func quoted(_ word: String) -> String {
        if !word.isEmpty, word.unicodeScalars.allSatisfy(plain.contains) { return word }
        if word.unicodeScalars.contains(where: TerminalText.isUnseen) {
            return "$'\(word.unicodeScalars.map(escaped).joined())'"
        }
        // Between apostrophes only the apostrophe itself is special.
        return "'\(word.unicodeScalars.map { $0 == "'" ? "'\\''" : String($0) }.joined())'"
    }

    /// Escapes a character for `$'…'`.
    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "'", "\\": return "\\\(scalar)"
        case "\n": return "\\n"
        case "\r": return "\\r"
        case "\t": return "\\t"
        default: break
        }
        guard TerminalText.isUnseen(scalar) else { return String(scalar) }
        // Always three digits, since the next character may be a digit too.
        return ArgumentBytes.bytes(of: String(scalar)).map { byte in
            let digits = String(byte, radix: 8)
            return "\\" + String(repeating: "0", count: 3 - digits.count) + digits
        }.joined()
    }
}
