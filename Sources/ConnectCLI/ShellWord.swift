/// A word of a command line, as one types it into a shell: what advice says can be pasted.
enum ShellWord {
    private static let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+./:@%,=")

    /// In apostrophes where the shell would take it for something else than one word.
    static func quoted(_ word: String) -> String {
        if !word.isEmpty, word.allSatisfy(plain.contains) { return word }
        // Nothing is special between apostrophes but the apostrophe itself.
        return "'\(word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''"))'"
    }
}

extension CommonOptions {
    /// How another subcommand is called for the name, on the same bus and under the same origin.
    func line(_ subcommand: String, _ name: String) -> String {
        var words = ["connect", subcommand]
        if let origin { words += ["--origin", origin] }
        if bus != "session" { words += ["--bus", bus] }
        words += name.hasPrefix("-") ? ["--", name] : [name]
        return words.map(ShellWord.quoted).joined(separator: " ")
    }
}
