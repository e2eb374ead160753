import ArgumentParser

/// A subcommand: options, and what is done with them.
protocol ProgramCommand: ParsableCommand, Sendable {
    var common: CommonOptions { get }
    /// Does the work on the event loop, and says how it ended. What is thrown becomes a line and an exit code.
    func work(in program: Program) async throws -> ExitStatus
}

extension ProgramCommand {
    /// Does it, and ends the process.
    func start() -> Never {
        Program.start(common) { try await work(in: $0) }
    }
}
