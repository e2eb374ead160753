import ConnectTo

extension CommonOptions {
    /// The command line that calls another subcommand with the name, on the same bus and under the same origin.
    func commandLine(_ subcommand: String, _ name: String) -> String {
        var words = ["connect", subcommand]
        if let origin { words += ["--origin", origin] }
        if bus != "session" { words += ["--bus", bus] }
        words += name.hasPrefix("-") ? ["--", name] : [name]
        return words.map(ShellWord.quoted).joined(separator: " ")
    }

    /// The failure for a name that is not registered.
    func missing(_ name: String, _ origin: String, on bus: Bus) async -> Failure {
        let canStart = await within(TimeLimit.advice) { try? await bus.canStart(name, origin: origin) }
        let label = "\"\(TerminalText.escaped(name))\""
        return Failure(
            .noSuchName,
            canStart == true
                ? "no program has registered \(label) now, but a call starts it: \(commandLine("to", name))"
                : "no program has registered \(label) under \(origin); start its listener, or see "
                    + commandLine("doctor", name))
    }
}
