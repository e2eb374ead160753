import ArgumentParser
import ConnectTo

struct Info: BusCommand {
    static let configuration = CommandConfiguration(
        commandName: "info",
        abstract: "Show the owner of a name, and what its context has done.",
        discussion: """
            Shows the program that has the name, what the context says of itself and, to the same user, what it has done: \
            open ports, callers admitted and refused, bytes each way, time since it was registered. Starts no listener. \
            With --json one object, with null for an unknown fact.
            """)

    @OptionGroup var common: CommonOptions

    @Argument(help: "The name to show.")
    var name: String

    func work(in program: Program) async throws -> ExitStatus {
        let (name, origin) = try common.contextName(name)
        let bus = try await common.openBus()
        guard let info = try await bus.info(name, origin: origin) else {
            throw await common.missing(name, origin, on: bus)
        }
        let executable = info.owner.executable
        if program.report.isJSON {
            try await program.report.textLine(Event.info(info, executable: executable).bytes)
        } else {
            for line in Self.lines(info, executable) { try await program.report.textLine(line) }
        }
        return .success
    }

    private static func lines(_ info: ContextInfo, _ executable: String?) -> [String] {
        let owner = info.owner
        var rows = [
            ("name", info.name), ("origin", info.origin),
            ("process", owner.pid.map { "\($0) (\(owner.processName ?? "?"))" } ?? "?"),
            ("executable", executable ?? "?"), ("uid", owner.uid.map { String($0) } ?? "?"),
            ("connection", owner.busName), ("format", info.format?.rawValue ?? "?"),
        ]
        for (key, value) in (info.metadata ?? [:]).sorted(by: { $0.key < $1.key }) {
            rows.append(("metadata", "\(key)=\(value)"))
        }
        if let statistics = info.statistics {
            rows += [
                ("ports", "\(statistics.openPorts) open"),
                ("callers", "\(statistics.admitted) admitted, \(statistics.refused) refused"),
                ("bytes", "\(statistics.bytesReceived) received, \(statistics.bytesSent) sent"),
                ("tap", statistics.isTappable ? "allowed (connect tap)" : "not allowed"),
                ("uptime", "\(statistics.uptime.components.seconds) s"),
            ]
        } else {
            rows.append(
                (
                    "status",
                    info.format == nil
                        ? "unknown: the listener did not answer within a second, or not as a context"
                        : "unknown: the listener shows it to its own user only, or keeps none"
                ))
        }
        return rows.map { label, value in
            let padding = String(repeating: " ", count: 12 - label.count)
            return label + padding + TerminalText.escaped(value)
        }
    }
}
