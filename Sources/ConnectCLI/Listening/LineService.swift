import ConnectTo
import ConnectToLinux

/// A listener's lines: messages to standard output, standard input to every open port.
final class LineService: PeerService {
    private let report: Report
    private let ports: OpenPorts
    private let input: StandardInput?
    private let form: InputForm
    /// Whether the end of standard input is the end of what we say to the one peer there is.
    private let isOnce: Bool
    private let files: ReceivedFiles
    private let mishaps = Mishaps()
    /// Whether a line has been read that does not wait for a port yet.
    private let hasLineInHand = Lock(false)

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

    /// 65 where a line of the input was not sent, 74 where a file was not saved.
    var status: ExitStatus { mishaps.status }

    func untaken(by event: ConnectEvent) async -> Failure? {
        await event.untaken { await hasInputLeft() }
    }

    private func hasInputLeft() async -> Bool {
        guard let input, !input.isTerminal else { return false }
        // Open and silent is not left over: nobody has written what could be taken.
        let isLeft = await input.stop() == .lines
        if isLeft || hasLineInHand.withLock({ $0 }) { return true }
        return await ports.hasUngiven
    }

    func serve(_ event: ConnectEvent, _ number: Int) async throws(Failure) -> CloseReason {
        let port = event.source
        let owner = FileOwner(event.peer)
        let isDelivered = Latch<Void>()
        Task.onLoop { [self] in
            await ports.deliver(to: number, finishes: isOnce && keepsFinished)
            isDelivered.set()
        }
        var iterator = port.messages.makeAsyncIterator()
        while let message = await iterator.nextUnlessEnded() {
            let held = port.hold(message.count)
            defer { withExtendedLifetime(held) {} }
            let (facts, failure) = await files.take(message, of: owner)
            if let failure { mishaps.note(failure) }
            try await report.message(message, files: facts, from: number)
        }
        if port.hasReceivedFinish { try await report.event(Event.finish(port: number)) }
        if !keepsFinished { try? await ports.close(number) }
        // It may still be answered.
        _ = await isDelivered.wait()
        try? await port.flush()
        port.close()
        let reason = await port.end()
        // Its last word.
        try? await port.flush()
        return await ports.dropReason(of: number) ?? reason
    }

    /// Whether a port stays open after the peer's end of input, for answers, until standard input ends. At a terminal
    /// it does not, as with `--raw`: callers would wait for somebody who may never type.
    private var keepsFinished: Bool { input?.isTerminal == false }

    // MARK: Standard input

    /// Lines that are read together and go to the same ports.
    private struct Run {
        let port: Int?
        var payloads: [Payload] = []
        /// Their numbers in the input.
        var numbers: [Int] = []
    }

    /// Reads standard input from here on, and posts it.
    /// - Parameter fail: is told what makes reading on impossible.
    func readInput(_ fail: @escaping @Sendable (Failure) -> Void) {
        guard let input else { return }
        Task.onLoop { [self] in
            do {
                var number = 1
                while let lines = try await input.next() {
                    hasLineInHand.withLock { $0 = true }
                    await post(lines, from: number)
                    number += lines.count
                    hasLineInHand.withLock { $0 = false }
                }
                await ports.endInput()
            } catch { fail(Failure(error)) }
        }
    }

    private func post(_ lines: [[UInt8]], from start: Int) async {
        var run = Run(port: nil)
        for (number, line) in zip(start..., lines) {
            do throws(Failure) {
                let line = try form.read(line)
                if run.port != line.port || line.content == .close {
                    await post(run)
                    run = Run(port: line.port)
                }
                switch line.content {
                case .post(let payload):
                    run.payloads.append(payload)
                    run.numbers.append(number)
                case .close: try await ports.close(line.port)
                }
            } catch { await tell(error, ofLine: number) }
        }
        await post(run)
    }

    private func post(_ run: Run) async {
        if run.payloads.isEmpty { return }
        do throws(Failure) {
            try await ports.post(run.payloads, to: run.port)
        } catch {
            for number in run.numbers { await tell(error, ofLine: number) }
        }
    }

    /// Tells of a line that was not sent; the next one is taken.
    private func tell(_ failure: Failure, ofLine number: Int) async {
        mishaps.note(failure)
        await report.failure(failure.ofLine(number))
    }
}
