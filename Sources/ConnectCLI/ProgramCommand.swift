import ArgumentParser

/// A subcommand: options, and what is done with them.
protocol ProgramCommand: ParsableCommand, Sendable {
    var common: CommonOptions { get }
    /// Whether it has something to do when nobody reads its standard output any more. If not, that is its end, with 74.
    static var outlivesReader: Bool { get }
    /// Does the work on the event loop, and says how it ended. What is thrown becomes a line and an exit code.
    func work(in program: Program) async throws -> ExitStatus
}

extension ProgramCommand {
    static var outlivesReader: Bool { false }

    /// Does it, and ends the process.
    func start() -> Never {
        Program.start(common, outlivesReader: Self.outlivesReader) { try await work(in: $0) }
    }
}
