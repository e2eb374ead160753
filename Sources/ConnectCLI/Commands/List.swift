import ArgumentParser
import ConnectTo

struct List: BusCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Show the contexts that are registered.",
        discussion: """
            Prints a text line for each context, of all origins if none is given. With --json: {"name":…,"origin":…,\
            "pid":…,"process":…,"uid":…,"metadata":{…}}, with null for an unknown fact. All contexts together have a \
            second to send their metadata; it is null for a context that has not sent it by then.
            """)

    @OptionGroup var common: CommonOptions

    func work(in program: Program) async throws -> ExitStatus {
        let origin = try common.givenOrigin()
        let bus = try await common.openBus()
        let entries = Self.sorted(try await bus.directory(origin: origin))
        let report = program.report
        if entries.isEmpty {
            let suffix = origin.map { " under \(TerminalText.escaped($0))" } ?? ""
            await report.note("no context is registered\(suffix)")
        } else if report.isJSON {
            for entry in entries { try await report.textLine(Event.entry(entry).bytes) }
        } else {
            for line in Self.table(entries).lines { try await report.textLine(line) }
        }
        return .success
    }

    /// Sorts entries by the bytes of their origin, then of their name.
    private static func sorted(_ entries: [DirectoryEntry]) -> [DirectoryEntry] {
        entries.sorted { a, b in
            a.origin == b.origin
                ? a.name.utf8.lexicographicallyPrecedes(b.name.utf8)
                : a.origin.utf8.lexicographicallyPrecedes(b.origin.utf8)
        }
    }

    static func table(_ entries: [DirectoryEntry]) -> Table {
        var table = Table(header: ["NAME", "ORIGIN", "PID", "PROCESS", "UID"])
        for entry in entries {
            table.append([
                entry.name, entry.origin, entry.pid.map { String($0) } ?? "?", entry.processName ?? "?",
                entry.uid.map { String($0) } ?? "?",
            ])
        }
        return table
    }
}
