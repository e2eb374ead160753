import ConnectTo
import ConnectToLinux
import ConnectToMessaging

/// The line of `call` or `post` to the program that has the name, and how far the work on it has come.
final class RequestLine: Sendable {
    let name: String
    let type: String
    /// The program that the hub with the name passes it on to; nil: it is for the program with the name.
    let peer: String?
    private let timeout: Duration?
    private let start = SuspendingClock.now
    private let state = Lock(State())

    private struct State {
        var phase = CallPhase.awaitingBus
        var messenger: Messenger?
        var port: MessagePort?
    }

    /// How long a request may take, unless `--timeout` says otherwise.
    static let usualTime = Duration.seconds(5)

    init(to name: String, type: String, _ options: RequestOptions) {
        self.name = name
        self.type = type
        peer = options.peer
        timeout = options.timeout?.duration
    }

    /// Connects, reads the payload, and does the work with both.
    /// - Returns: what the work returns.
    /// - Throws: ``Failure``.
    func run<Result: Sendable>(
        _ payload: RequestPayload, _ options: RequestOptions, _ common: CommonOptions, origin: String,
        in program: Program,
        _ work: (Messenger, OutgoingMessage?) async throws -> Result
    ) async throws -> Result {
        if let timeout { program.limit(to: timeout) { [self] in overTime(timeout) } }
        let bus = try await common.openBus()
        enter(.awaitingAnswer)
        let port = bus.connectTo(name, origin: origin, options: options.calls.connecting)
        let messenger = Messenger(port)
        state.withLock { ($0.messenger, $0.port) = (messenger, port) }
        program.atEnd { [self] _ in await end() }
        do throws(PortError) {
            try await port.waitUntilOpen()
        } catch {
            let failure = port.closeReason.flatMap { Failure($0, peer: name) } ?? Failure(error)
            throw await common.explained(
                failure, calling: name, origin: origin, on: bus, asked: .calls, waits: options.calls.caller.wait != nil)
        }
        enter(.awaitingInput)
        // Input that is read before could not be sent if the call fails.
        let outgoing = try await payload.outgoing()
        enter(.awaitingPeer)
        do {
            return try await work(messenger, outgoing)
        } catch let error as CallError {
            throw Failure(error, self)
        }
    }

    /// How long the request may still take: what is left of `--timeout`, or the limit given.
    func timeLeft(orElse limit: Duration?) -> Duration? {
        guard let timeout else { return limit }
        return max(.milliseconds(1), timeout - start.duration(to: SuspendingClock.now))
    }

    /// The time that the other program has had, for messages.
    var limit: Duration { timeout ?? Self.usualTime }

    private func enter(_ phase: CallPhase) {
        state.withLock { $0.phase = phase }
    }

    private func overTime(_ time: Duration) -> Failure {
        let phase = state.withLock(\.phase)
        return phase == .awaitingPeer
            ? .unanswered(self, isSent: true) : .overTime(time, calling: name, phase)
    }

    /// Closes the line in order, and waits until the kernel has that.
    private func end() async {
        let (messenger, port) = state.withLock { ($0.messenger, $0.port) }
        if port?.isOpen != true { port?.abort() }
        messenger?.close()
        try? await port?.flush()
    }
}
