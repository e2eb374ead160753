/// What `doctor` has looked at, how it is, and what to do.
struct Finding: Sendable {
    /// A word for what was looked at; stable.
    let check: String
    /// What there is, for people.
    let message: String
    /// What to do next, where something is wrong, or may be.
    var advice: String?
    /// What the problem would end a command with; nil where there is none.
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
