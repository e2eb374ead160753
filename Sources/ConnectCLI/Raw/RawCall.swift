import ConnectTo
import ConnectToLinux

/// The conversation of `connect to --raw`, over one stream.
struct RawCall {
    let port: MessagePort
    let name: String
    private let opened = Latch<RawLine>()

    init(port: MessagePort, name: String) {
        self.port = port
        self.name = name
    }

    var awaited: Awaited {
        opened.value.map { $0.awaitsInput ? .input : .peer } ?? .answer
    }

    func run(in program: Program) async throws -> ExitStatus {
        do throws(PortError) {
            try await port.waitUntilOpen()
        } catch {
            throw error.reason.flatMap { Failure($0, peer: name) } ?? Failure(error)
        }
        let line = try RawLine(port)
        opened.set(line)
        program.atEnd { _ in line.end() }
        Task.onLoop { [readerGone = program.report.output.readerGone] in
            _ = await readerGone.wait()
            _ = await line.inputEnd.wait()
            // Nothing is left to do, unless something has come that nobody reads.
            line.end()
        }
        let outcome = await line.run(try RawThreads())
        if let failure = outcome.failure { throw failure }
        // A command that has ended has no use for the rest.
        if port.isPartial ? outcome.wasReset : outcome.isUntaken { throw Failure.untaken(by: name) }
        return .success
    }
}
