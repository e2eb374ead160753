import ConnectTo
import ConnectToLinux

/// The conversation of `connect to --raw`, over one stream.
struct RawCall {
    let name: String
    /// The task that opens the stream, once.
    private let opening: Task<ByteStream, any Error>
    private let opened = Latch<StreamCopy>()

    init(name: String, _ open: @escaping @Sendable () async throws -> ByteStream) {
        self.name = name
        opening = Task(executorPreference: try? EventLoop.shared.executor) { try await open() }
    }

    var phase: CallPhase {
        opened.value.map { $0.awaitsInput ? .awaitingInput : .awaitingPeer } ?? .awaitingAnswer
    }

    func run(in program: Program) async throws -> ExitStatus {
        program.atEnd { [opening] _ in opening.cancel() }
        let stream: ByteStream
        do {
            stream = try await opening.value
        } catch {
            throw (error as? PortError)?.reason.flatMap { Failure($0, peer: name) } ?? Failure(error)
        }
        let copy = try StreamCopy(stream)
        opened.set(copy)
        program.atEnd { _ in copy.end() }
        Task.onLoop { [readerGone = program.report.output.readerGone] in
            _ = await readerGone.wait()
            _ = await copy.inputEnd.wait()
            // Nothing is left to do. If the socket still holds bytes of the peer, the receiving thread fails: they have
            // no reader.
            copy.end()
        }
        let outcome = await copy.run(try StreamThreads())
        if let failure = outcome.failure { throw failure }
        // With --exec the listener's command has ended, and did not want the rest.
        if stream.isPartial ? outcome.wasReset : outcome.isUntaken { throw Failure.untaken(by: name) }
        return .success
    }
}
