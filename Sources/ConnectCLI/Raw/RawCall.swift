import ConnectTo
import ConnectToLinux

/// The conversation of `connect to --raw`, over one stream.
struct RawCall {
    let name: String
    /// The task that opens the stream, once.
    private let opening: Task<ByteStream, any Error>
    private let opened = Latch<RawLine>()

    init(name: String, _ open: @escaping @Sendable () async throws -> ByteStream) {
        self.name = name
        opening = Task(executorPreference: try? EventLoop.shared.executor) { try await open() }
    }

    var awaited: Awaited {
        opened.value.map { $0.awaitsInput ? .input : .peer } ?? .answer
    }

    func run(in program: Program) async throws -> ExitStatus {
        program.atEnd { [opening] _ in opening.cancel() }
        let stream: ByteStream
        do {
            stream = try await opening.value
        } catch {
            throw (error as? PortError)?.reason.flatMap { Failure($0, peer: name) } ?? Failure(error)
        }
        let line = try RawLine(stream)
        opened.set(line)
        program.atEnd { _ in line.end() }
        Task.onLoop { [readerGone = program.report.output.readerGone] in
            _ = await readerGone.wait()
            _ = await line.inputEnd.wait()
            // Nothing is left to do. If the socket still holds bytes of the peer, the receiving thread fails: they have
            // no reader.
            line.end()
        }
        let outcome = await line.run(try RawThreads())
        if let failure = outcome.failure { throw failure }
        // With --exec the listener's command has ended, and did not want the rest.
        if stream.isPartial ? outcome.wasReset : outcome.isUntaken { throw Failure.untaken(by: name) }
        return .success
    }
}
