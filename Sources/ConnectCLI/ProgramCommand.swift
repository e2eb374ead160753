import ArgumentParser

/// A subcommand: options, and what is done with them.
protocol ProgramCommand: ParsableCommand, Sendable {
    var common: CommonOptions { get }
    /// Whether it is over, with 74, when nobody reads its standard output any more, also while it has nothing to write.
    static var endsWithReader: Bool { get }
    /// Does the work on the event loop, and says how it ended. What is thrown becomes a line and an exit code.
    func work(in program: Program) async throws -> ExitStatus
}

extension ProgramCommand {
    static var endsWithReader: Bool { false }

    /// Does it, and ends the process.
    func start() -> Never {
        Program.start(common, endsWithReader: Self.endsWithReader) { try await work(in: $0) }
    }
}
