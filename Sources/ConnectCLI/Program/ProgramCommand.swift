import ArgumentParser

/// A subcommand: its options, and the work it does with them.
protocol ProgramCommand: ParsableCommand, Sendable {
    var output: OutputOptions { get }
    static var readerLoss: ReaderLoss { get }
    /// Does the work on the event loop, and returns the exit status. A thrown error becomes a text line and an exit
    /// code.
    func work(in program: Program) async throws -> ExitStatus
}

extension ProgramCommand {
    static var readerLoss: ReaderLoss { .noticedInWriting }

    /// Does the work, and ends the process.
    func start() -> Never {
        Program.start(output, readerLoss: Self.readerLoss) { try await work(in: $0) }
    }
}

/// A subcommand that uses a bus.
protocol BusCommand: ProgramCommand {
    var common: CommonOptions { get }
}

extension BusCommand {
    var output: OutputOptions { common.output }
}
