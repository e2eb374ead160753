import ArgumentParser

/// A subcommand: options, and what is done with them.
protocol ProgramCommand: ParsableCommand, Sendable {
    var common: CommonOptions { get }
    static var readerLoss: ReaderLoss { get }
    /// Does the work on the event loop, and says how it ended. What is thrown becomes a line and an exit code.
    func work(in program: Program) async throws -> ExitStatus
}

extension ProgramCommand {
    static var readerLoss: ReaderLoss { .noticedInWriting }

    /// Does it, and ends the process.
    func start() -> Never {
        Program.start(common, readerLoss: Self.readerLoss) { try await work(in: $0) }
    }
}

/// What it means to a program that nobody reads its standard output any more.
enum ReaderLoss: Sendable {
    /// Nothing, until there is something to write: then 74.
    case noticedInWriting
    /// It is over, with 74, also while it has nothing to write: others rely on it.
    case failure
    /// It is over, with 0, also while it has nothing to write: what its reader wanted to see, it has seen.
    case end
}
