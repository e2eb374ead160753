import ArgumentParser

/// What is said where the command was called wrongly: one line, with where to read on.
struct UsageError {
    private let message: String
    private let arguments: [String]

    init(_ error: any Error, _ arguments: [String]) {
        message = Connect.message(for: error).split(whereSeparator: \.isNewline).joined(separator: " ")
        self.arguments = arguments
    }

    var line: String {
        let help = (["connect"] + subcommand + ["--help"]).joined(separator: " ")
        let message = message + remark
        // A sentence is followed by one.
        let advice = message.hasSuffix("?") || message.hasSuffix(".") ? " See \(help)." : "; see \(help)"
        return TerminalText.escapedOnce(message + advice)
    }

    /// The one whose help says more; none where it is not known.
    private var subcommand: [String] {
        arguments.first.map { Connect.subcommandNames.contains($0) ? [$0] : [] } ?? []
    }

    /// What the parser cannot know.
    private var remark: String {
        let isNameless = message.hasPrefix("Missing expected argument")
        if isNameless, subcommand == [Listen.configuration.commandName], arguments.contains("--exec") {
            return "; --exec takes all that comes after it, so it comes last: NAME --exec -- COMMAND…"
        }
        if isNameless, subcommand == [To.configuration.commandName], arguments.contains("--file") {
            return "; --file takes all paths that come after it, so the name comes first: NAME --file PATH…"
        }
        return ""
    }
}

extension Connect {
    /// Those that its help shows.
    static let subcommandNames = configuration.subcommands
        .filter { $0.configuration.shouldDisplay }.map { $0._commandName }

    /// Looks whether there are arguments, and the subcommand that the first argument, or the one after `help`, names.
    /// The parser takes one that is not for an argument too many, and shows the help of all for it.
    /// - Throws: `ValidationError`, with the nearest that there is.
    static func checkSubcommand(in arguments: [String]) throws {
        if arguments.isEmpty {
            throw ValidationError("a subcommand is wanted: \(subcommandNames.joined(separator: ", "))")
        }
        let name = arguments.first == "help" ? arguments.dropFirst().first : arguments.first
        guard let name, !name.hasPrefix("-"), name != "help" else { return }
        if configuration.subcommands.contains(where: { $0._commandName == name }) { return }
        let nearest = subcommandNames.map { (name: $0, distance: distance(from: name, to: $0)) }
            .min { $0.distance < $1.distance }
        var message = "there is no subcommand '\(TerminalText.escaped(name))'"
        if let nearest, nearest.distance <= max(1, name.count / 3) {
            message += ". Did you mean '\(nearest.name)'?"
        } else {
            message += "; there are \(subcommandNames.joined(separator: ", "))"
        }
        throw ValidationError(message)
    }

    /// How many characters are to be put in, left out or exchanged (Levenshtein).
    private static func distance(from a: String, to b: String) -> Int {
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let exchanged = diagonal + (x == y ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(exchanged, row[j] + 1, diagonal + 1)
            }
        }
        return row[b.count]
    }
}
