import ConnectTo
import ConnectToLinux

/// The conversation of `connect to`, over one port.
final class Call: Sendable {
    /// When the call is done.
    enum Goal: Sendable, Equatable {
        /// The peer has closed.
        case close
        /// So many messages have come back.
        case replies(Int)
        /// All is delivered.
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
    /// Set when the end of the port has been told.
    private let isTold = Latch<Void>()
    /// How many messages have come back.
    private let received = Lock(0)
    /// Whether something was read that the port did not take.
    private let hasUnsent = Lock(false)

    /// Events call the port by this number; there is only the one.
    private static let number = 1

    init(port: MessagePort, name: String, input: CallInput, report: Report, goal: Goal) {
        self.port = port
        self.name = name
        self.input = input
        self.report = report
        self.goal = goal
        files = ReceivedFiles(report: report)
    }

    /// - Parameter fail: is told what ends the call in the middle; then ``end(_:)`` is to be called.
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
        let reason = await port.end()
        try await report.close(port: Self.number, reason: reason)
        if case .reached = outcome { return .success }
        try await judge(reason)
        return .success
    }

    /// Ends the call, wherever it stands, and waits until that is told and what was posted is on its way.
    /// - Parameter reason: why, for a port that is not open yet: what was posted on it goes nowhere.
    func end(_ reason: CloseReason) async {
        port.failUnlessOpen(reason)
        await port.abort()
        outcome.set(.ended)
        _ = await isTold.wait()
    }

    var awaited: Awaited {
        if !port.isOpen, port.closeReason == nil { return .answer }
        // Replies come without the end of the input.
        if case .replies = goal { return .peer }
        return input.standard?.isAwaited == true && port.bufferedAmount == 0 ? .input : .peer
    }

    // MARK: Both directions

    private func receive() async throws(Failure) {
        if goal != .delivery {
            var iterator = port.messages.makeAsyncIterator()
            while let message = await iterator.nextUnlessEnded() {
                let facts = await files.take(message, of: .onlyPeer).facts
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
        await port.end()
        outcome.set(.ended)
    }

    private func send() async throws(Failure) {
        switch input {
        case .messages(let messages):
            for message in messages {
                switch message {
                case .payload(let payload): guard try await send(payload) else { return }
                case .file(let file): guard try await send(file) else { return }
                }
            }
        case .lines(let input, let form):
            // Nothing is read that could not be sent.
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
        // Where nobody reads what comes back, it is of no more interest either.
        if goal != .delivery { _ = await report.output.readerGone.wait() }
        guard (try? await port.waitUntilOpen()) != nil else { return }
        guard (try? await port.flush()) != nil, port.closeReason == nil else { return }
        outcome.set(.reached)
    }

    private func send(_ payload: Payload) async throws(Failure) -> Bool {
        try await send { () async throws(PortError) in try await port.send(payload.message) }
    }

    /// Passes a file on, and waits until the kernel has it: so few are open here at once, however many there are.
    private func send(_ file: NamedFile) async throws(Failure) -> Bool {
        let open = try await file.open()
        return try await send { () async throws(PortError) in
            switch file.name {
            case .text(let name): try await port.send(.text(name, transfer: [.file(open)]))
            case .bytes(let name): try await port.send(.bytes(name, transfer: [.file(open)]))
            case .json: break
            }
            // An end on the way is for what follows to tell.
            try? await port.flush()
        }
    }

    /// - Returns: `false` where the port has ended.
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

    /// The port ended before the goal was reached, or that was the goal.
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
                "\(TerminalText.escaped(name)) closed after \(count) of \(wanted) replies; ask for fewer, or look at the peer"
            )
        }
    }

    /// Whether there is input that was not sent. Reads no more of it from here on.
    private var hasRest: Bool {
        get async {
            if hasUnsent.withLock({ $0 }) { return true }
            return await input.standard?.stopsShort() ?? false
        }
    }
}
