import ArgumentParser

/// The error for a wrong command line: one text line that ends with the help to read.
struct UsageError {
    private let message: String
    private let arguments: [String]

    init(_ error: any Error, _ arguments: [String]) {
        message = Connect.message(for: error).split(whereSeparator: \.isNewline).joined(separator: " ")
        self.arguments = arguments
    }

    var textLine: String {
        let help = (["connect"] + subcommand + ["--help"]).joined(separator: " ")
        let message = message + remark
        // Append a sentence to a sentence, and a clause to anything else.
        let advice = message.hasSuffix("?") || message.hasSuffix(".") ? " See \(help)." : "; see \(help)"
        return TerminalText.escapedOnce(message + advice)
    }

    /// The subcommand whose help says more; empty if the subcommand is not known.
    private var subcommand: [String] {
        arguments.first.map { Connect.subcommandNames.contains($0) ? [$0] : [] } ?? []
    }

    /// Advice for two mistakes that the parser cannot recognize.
    private var remark: String {
        let isNameless = message.hasPrefix("Missing expected argument")
        if isNameless, subcommand == [Listen.configuration.commandName], arguments.contains("--exec") {
            return "; --exec takes everything after it, so write it last: NAME --exec -- COMMAND…"
        }
        if isNameless, subcommand == [To.configuration.commandName], arguments.contains("--file") {
            return "; --file takes all paths after it, so write NAME first: NAME --file PATH…"
        }
        return ""
    }
}

extension Connect {
    /// The subcommands that the help shows.
    static let subcommandNames = configuration.subcommands
        .filter { $0.configuration.shouldDisplay }.map { $0._commandName }

    /// Checks that there are arguments, and that the first one, or the one after `help`, names a subcommand. The parser
    /// would report an unknown subcommand as a surplus argument, and show the general help for it.
    /// - Throws: `ValidationError`, which names the most similar subcommand if there is one.
    static func checkSubcommand(in arguments: [String]) throws {
        if arguments.isEmpty {
            throw ValidationError("give a subcommand: \(subcommandNames.joined(separator: ", "))")
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
            message += "; the subcommands are \(subcommandNames.joined(separator: ", "))"
        }
        throw ValidationError(message)
    }

    /// The Levenshtein distance: how many characters have to be inserted, removed or replaced. ArgumentParser keeps its
    /// own internal.
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
