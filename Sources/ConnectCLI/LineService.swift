import ConnectTo
import LinuxIO

/// A listener's lines: messages to standard output, standard input to every open port.
final class LineService: PeerService {
    private let report: Report
    private let ports: OpenPorts
    private let input: StandardInput?
    private let form: InputForm
    /// Whether a line stays open after the peer's end of input, until ours has ended too.
    private let waitsForInput: Bool
    private let inputEnd = Latch<Void>()
    private let files: ReceivedFiles
    private let mishaps = Mishaps()
    /// Whether a line has been read that no port has taken.
    private let hasLineInHand = Lock(false)

    let limit = Int.max

    init(
        report: Report, ports: OpenPorts, input: StandardInput?, form: InputForm, waitsForInput: Bool,
        files: ReceivedFiles
    ) {
        self.files = files
        self.report = report
        self.ports = ports
        self.input = input
        self.form = form
        self.waitsForInput = waitsForInput
    }

    /// 65 where a line of the input was not sent, 74 where a file was not saved.
    var status: ExitStatus { mishaps.status }

    func hasInputLeft() async -> Bool {
        guard let input, !input.isTerminal else { return false }
        // Open and silent is not left over: nobody has written what could be taken.
        return await input.stop() == .lines || hasLineInHand.withLock { $0 }
    }

    func serve(_ event: ConnectEvent, _ number: Int) async throws(Failure) -> CloseReason {
        let port = event.source
        let owner = FileOwner(event.peer)
        var iterator = port.messages.makeAsyncIterator()
        while let message = await iterator.nextUnlessEnded() {
            let (facts, failure) = await files.take(message, of: owner)
            if let failure { mishaps.note(failure) }
            try await report.message(message, files: facts, from: number)
        }
        if port.closeReason == nil {
            if waitsForInput { await inputEnded(or: port) }
            await ports.remove(number)
            await port.flush()
            port.close()
        }
        let reason = await port.closed
        // Its last word.
        await port.flush()
        return reason
    }

    /// Waits for the end of our input, unless the port ends first.
    private func inputEnded(or port: MessagePort) async {
        let either = Latch<Void>()
        Task.onLoop { [self] in
            _ = await inputEnd.wait()
            either.set()
        }
        Task.onLoop {
            _ = await port.closed
            either.set()
        }
        _ = await either.wait()
    }

    /// Reads standard input from here on, and posts it.
    /// - Parameter fail: is told what makes reading on impossible.
    func readInput(_ fail: @escaping @Sendable (Failure) -> Void) {
        guard let input else { return }
        Task.onLoop { [self] in
            do {
                var number = 0
                while let lines = try await input.next() {
                    hasLineInHand.withLock { $0 = true }
                    for line in lines {
                        number += 1
                        try await post(line, number)
                    }
                    hasLineInHand.withLock { $0 = false }
                }
                // Only where the line waits for it does the end mean anything.
                if waitsForInput { await ports.finishAll() }
                inputEnd.set()
            } catch { fail(Failure(error)) }
        }
    }

    /// With `--json` or `--as-json`, a line that cannot be sent is told of, and the next one is taken.
    private func post(_ line: [UInt8], _ number: Int) async throws(Failure) {
        do throws(Failure) {
            try await ports.post(form.read(line))
        } catch {
            if form == .plain || error.status != .unsendable { throw error }
            mishaps.note(error)
            await report.failure(error.ofLine(number))
        }
    }
}
