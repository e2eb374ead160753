/// The result of one check of `doctor`, with advice.
struct Finding: Sendable {
    /// The check's name. It is part of the stable output.
    let check: String
    /// What the check found, for people.
    let message: String
    /// What to do next if something is wrong or may be wrong.
    var advice: String?
    /// The exit status that the problem would give another subcommand; nil if there is no problem.
    var problem: ExitStatus?

    var lines: [String] {
        let label = problem == nil ? "ok" : "PROBLEM"
        let first = label + String(repeating: " ", count: 9 - label.count) + "\(check): "
        return [first + TerminalText.escaped(message)]
            + (advice.map { [String(repeating: " ", count: 9) + "→ " + TerminalText.escaped($0)] } ?? [])
    }

    var object: JSONObject {
        [
            "check": .string(check), "ok": .boolean(problem == nil), "message": .string(message),
            "advice": .optional(advice),
        ]
    }
}
