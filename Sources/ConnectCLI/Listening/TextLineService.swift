import ConnectTo
import ConnectToLinux

/// Serves peers with text lines: messages go to standard output, standard input goes to every open port.
final class TextLineService: PeerService {
    private let report: Report
    private let ports: OpenPorts
    private let input: StandardInput?
    private let form: InputForm
    /// Whether there is one port only (`--once`), so that the end of standard input finishes that port.
    private let isOnce: Bool
    private let files: ReceivedFiles
    private let firstFailure = FirstFailure()
    /// Whether text lines have been read that are not in the ports' log yet.
    private let hasUnpostedLines = Lock(false)

    let limit = Int.max

    init(
        report: Report, ports: OpenPorts, input: StandardInput?, form: InputForm, isOnce: Bool, files: ReceivedFiles
    ) {
        self.files = files
        self.report = report
        self.ports = ports
        self.input = input
        self.form = form
        self.isOnce = isOnce
    }

    /// 65 if a text line of the input was not sent, 74 if a file was not saved.
    var status: ExitStatus { firstFailure.status }

    func untakenFailure(of event: ConnectEvent) async -> Failure? {
        await event.untakenFailure { await hasInputLeft() }
    }

    private func hasInputLeft() async -> Bool {
        guard let input, !input.isTerminal else { return false }
        // An input that is open but silent leaves nothing over: it holds no text line that could have been sent.
        let isLeft = await input.stop() == .lines
        if isLeft || hasUnpostedLines.withLock({ $0 }) { return true }
        return await ports.hasUngiven
    }

    func serve(_ event: ConnectEvent, _ number: Int) async throws(Failure) -> CloseReason {
        let port = event.source
        let sender = FileSender(event.peer)
        let isDelivered = Latch<Void>()
        Task.onLoop { [self] in
            await ports.deliver(to: number, finishes: isOnce && keepsFinished)
            isDelivered.set()
        }
        var iterator = port.messages.makeAsyncIterator()
        while let message = await iterator.nextUnlessEnded() {
            let held = port.hold(bytes: message.count)
            defer { held.release() }
            let (facts, failure) = await files.handle(message, from: sender)
            if let failure { firstFailure.note(failure) }
            try await report.message(message, files: facts, from: number)
        }
        if port.hasReceivedFinish { try await report.event(Event.finish(port: number)) }
        if !keepsFinished { try? await ports.close(number) }
        // The peer may still get answers after it has ended its input.
        _ = await isDelivered.wait()
        try? await port.flush()
        port.close()
        let reason = await port.ended()
        // The close that was just posted has to reach the peer.
        try? await port.flush()
        return await ports.dropReason(of: number) ?? reason
    }

    /// Whether a port stays open for answers after the peer has ended its input, until standard input ends. Not at a
    /// terminal, as with `--raw`: the caller would wait for a person who may never type.
    private var keepsFinished: Bool { input?.isTerminal == false }

    // MARK: Standard input

    /// Text lines that were read together and go to the same ports.
    private struct Run {
        let port: Int?
        var contents: [MessageContent] = []
        /// The numbers of these text lines in the input.
        var numbers: [Int] = []
    }

    /// Reads standard input from here on, and posts its text lines.
    /// - Parameter fail: receives the error that makes further reading impossible.
    func readInput(_ fail: @escaping @Sendable (Failure) -> Void) {
        guard let input else { return }
        Task.onLoop { [self] in
            do {
                var number = 1
                while let lines = try await input.next() {
                    hasUnpostedLines.withLock { $0 = true }
                    await post(lines, from: number)
                    number += lines.count
                    hasUnpostedLines.withLock { $0 = false }
                }
                await ports.endInput()
            } catch { fail(Failure(error)) }
        }
    }

    private func post(_ lines: [[UInt8]], from start: Int) async {
        var run = Run(port: nil)
        for (number, line) in zip(start..., lines) {
            do throws(Failure) {
                let command = try form.read(line)
                if run.port != command.port || command.action == .close {
                    await post(run)
                    run = Run(port: command.port)
                }
                switch command.action {
                case .post(let content):
                    run.contents.append(content)
                    run.numbers.append(number)
                case .close: try await ports.close(command.port)
                }
            } catch { await tell(error, ofTextLine: number) }
        }
        await post(run)
    }

    private func post(_ run: Run) async {
        if run.contents.isEmpty { return }
        do throws(Failure) {
            try await ports.post(run.contents, to: run.port)
        } catch {
            for number in run.numbers { await tell(error, ofTextLine: number) }
        }
    }

    /// Reports a text line that was not sent. Reading goes on with the next one.
    private func tell(_ failure: Failure, ofTextLine number: Int) async {
        firstFailure.note(failure)
        await report.failure(failure.ofTextLine(number))
    }
}
