import ConnectTo
import ConnectToLinux

/// The conversation of `connect to`, over one port.
final class Conversation: Sendable {
    /// What has to happen for the call to be done.
    enum Goal: Sendable, Equatable {
        /// The peer has closed.
        case close
        /// This many messages have come back.
        case replies(Int)
        /// All messages are delivered.
        case delivery
    }

    private enum Outcome: Sendable {
        case reached
        case ended
    }

    private let port: MessagePort
    private let name: String
    private let input: CallInput
    private let report: Report
    private let goal: Goal
    private let files: ReceivedFiles
    private let outcome = Latch<Outcome>()
    /// Set when the end of the port has been reported.
    private let isTold = Latch<Void>()
    /// How many messages have come back.
    private let received = Lock(0)
    /// Whether a message was read from the input that the port did not take.
    private let hasUnsent = Lock(false)

    /// Why the call was ended, for a port that was not open by then.
    private let endsUnopened = Latch<CloseReason>()

    /// The port number in events: a call has only this one.
    private static let number = 1

    init(port: MessagePort, name: String, input: CallInput, report: Report, goal: Goal) {
        self.port = port
        self.name = name
        self.input = input
        self.report = report
        self.goal = goal
        files = ReceivedFiles(report: report)
    }

    /// - Parameter fail: called with an error that ends the call in the middle; the caller must then call ``end(_:)``.
    func run(_ fail: @escaping @Sendable (Failure) -> Void) async throws(Failure) -> ExitStatus {
        defer { isTold.set() }
        Task.onLoop { [self] in
            do throws(Failure) { try await receive() } catch { fail(error) }
        }
        Task.onLoop { [self] in
            do throws(Failure) { try await send() } catch { fail(error) }
        }
        let outcome = await outcome.wait()
        port.close()
        let reason = await ended()
        try await report.close(port: Self.number, reason: reason)
        if case .reached = outcome { return .success }
        try await judge(reason)
        return .success
    }

    /// Ends the call in any state, and waits until the end has been reported and the posted messages are on their way.
    /// - Parameter reason: what to report of a port that is not open yet; messages posted on it are lost.
    func end(_ reason: CloseReason) async {
        endsUnopened.set(reason)
        if port.isOpen || port.closeReason != nil { await port.interrupt() } else { port.abort() }
        outcome.set(.ended)
        _ = await isTold.wait()
    }

    /// Waits until the port has ended.
    private func ended() async -> CloseReason {
        let reason = await port.ended()
        return reason.code == .cancelled ? endsUnopened.value ?? reason : reason
    }

    var phase: CallPhase {
        if !port.isOpen, port.closeReason == nil { return .awaitingAnswer }
        // Replies do not depend on the end of the input.
        if case .replies = goal { return .awaitingPeer }
        return input.standard?.isAwaited == true && port.bufferedAmount == 0 ? .awaitingInput : .awaitingPeer
    }

    // MARK: Both directions

    private func receive() async throws(Failure) {
        if goal != .delivery {
            var iterator = port.messages.makeAsyncIterator()
            while let message = await iterator.nextUnlessEnded() {
                let facts = await files.handle(message, from: .onlyPeer).facts
                try await report.message(message, files: facts, from: Self.number)
                let count = received.withLock { count in
                    count += 1
                    return count
                }
                if goal == .replies(count) {
                    outcome.set(.reached)
                    return
                }
            }
        }
        await port.ended()
        outcome.set(.ended)
    }

    private func send() async throws(Failure) {
        switch input {
        case .messages(let messages):
            for message in messages {
                switch message {
                case .message(let content): guard try await send(content) else { return }
                case .file(let file): guard try await send(file) else { return }
                }
            }
        case .lines(let input, let form):
            // Wait until the port is open: input that is read before could not be sent if the call fails.
            guard (try? await port.waitUntilOpen()) != nil else { return }
            input.gate.open()
            var number = 0
            while let lines = try await input.next() {
                for line in lines {
                    number += 1
                    guard try await send(form.read(line, number: number)) else { return }
                }
            }
            if input.gate.isStopped { return }
        case .whole(let input):
            guard (try? await port.waitUntilOpen()) != nil else { return }
            input.gate.open()
            guard let bytes = try await input.everything(), try await send(.bytes(bytes)) else { return }
        }
        port.finish()
        // With no reader of standard output, replies are not wanted: the call is done when all is delivered.
        if goal != .delivery { _ = await report.output.readerGone.wait() }
        guard (try? await port.waitUntilOpen()) != nil else { return }
        guard (try? await port.flush()) != nil, port.closeReason == nil else { return }
        outcome.set(.reached)
    }

    private func send(_ content: MessageContent) async throws(Failure) -> Bool {
        try await send { () async throws(PortError) in try await port.send(content.message) }
    }

    /// Passes a file on, and waits until the kernel has it, so that few files are open at once, however many there are.
    private func send(_ file: NamedFile) async throws(Failure) -> Bool {
        let open = try await file.open()
        return try await send { () async throws(PortError) in
            switch file.name {
            case .text(let name): try await port.send(.text(name, transfer: [.file(open)]))
            case .bytes(let name): try await port.send(.bytes(name, transfer: [.file(open)]))
            case .json: break
            }
            // If the port ends here, the next send or the close reason reports it.
            try? await port.flush()
        }
    }

    /// - Returns: `false` if the port has ended.
    private func send(_ post: () async throws(PortError) -> Void) async throws(Failure) -> Bool {
        do throws(PortError) {
            try await post()
            return true
        } catch {
            if error.code != .closed, port.closeReason == nil { throw Failure(error) }
            hasUnsent.withLock { $0 = true }
            return false
        }
    }

    // MARK: How it ended

    /// Throws the failure that the end of the port means, unless all went as asked.
    private func judge(_ reason: CloseReason) async throws(Failure) {
        if let failure = Failure(reason, peer: name) { throw failure }
        let hasRest = await hasRest
        if !port.peerWasDone, port.undeliveredCount > 0 || hasRest {
            throw Failure.untaken(by: name, undelivered: port.undeliveredCount, hasRest: hasRest)
        }
        if case .replies(let wanted) = goal {
            let count = received.withLock { $0 }
            throw Failure(
                .inputOutput,
                "\(TerminalText.escaped(name)) closed the port after \(count) of \(wanted) replies; ask for fewer, or look at the listener"
            )
        }
    }

    /// Whether there is input that was not sent. No more input is read from here on.
    private var hasRest: Bool {
        get async {
            if hasUnsent.withLock({ $0 }) { return true }
            return await input.standard?.stopsShort() ?? false
        }
    }
}

/// Where the messages to post come from.
enum CallInput: Sendable {
    case messages([Item])
    case lines(StandardInput, InputForm)
    /// All of standard input, in one message.
    case whole(StandardInput)

    var standard: StandardInput? {
        switch self {
        case .messages: nil
        case .lines(let input, _), .whole(let input): input
        }
    }

    enum Item: Sendable {
        case message(MessageContent)
        case file(NamedFile)
    }
}
