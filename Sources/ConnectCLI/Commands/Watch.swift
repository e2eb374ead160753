import ArgumentParser
import ConnectTo

struct Watch: BusCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Show the contexts that come and go.",
        discussion: """
            Prints a text line for each change, of all origins if none is given, from the moment that standard error says \
            "watching". With --json: {"event":"registered"|"unregistered"|"moved","name":…,"origin":…,"pid":…,\
            "process":…,"uid":…,"metadata":{…}}, with null for an unknown fact.
            """)

    static let readerLoss = ReaderLoss.end

    @OptionGroup var common: CommonOptions

    func work(in program: Program) async throws -> ExitStatus {
        let origin = try common.givenOrigin()
        let bus = try await common.openBus()
        let changes = try await bus.changes(origin: origin)
        let report = program.report
        program.reportStatus(of: bus)
        await report.note("watching \(origin.map(TerminalText.escaped) ?? "all origins")")
        do {
            for try await change in changes {
                if report.isJSON {
                    try await report.textLine(Event.change(change).bytes)
                } else {
                    try await report.textLine(Self.textLine(change))
                }
            }
        } catch let error as ConnectToError where error.code == .busLost {
            // Its message quotes the error of each attempt to reconnect; the failure below is shorter.
        }
        throw Failure(.busUnavailable, "the bus is gone; watch again when it is back")
    }

    static func textLine(_ change: DirectoryChange) -> String {
        let entry = change.entry
        let word = change.kind.rawValue
        let padding = String(repeating: " ", count: max(0, 14 - word.count))
        var line = "\(word)\(padding)\(TerminalText.escaped(entry.name))"
        if entry.origin != ContextName.defaultOrigin { line += "  \(TerminalText.escaped(entry.origin))" }
        if let pid = entry.pid {
            let process = entry.processName.map { " (\(TerminalText.escaped($0)))" } ?? ""
            line += "  by \(pid)\(process)"
        }
        return line
    }
}
