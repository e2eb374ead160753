import ConnectTo
import ConnectToLinux

/// The conversation of `connect to --reconnect`: standard input over one connection after the other.
final class ReconnectingCall: Sendable {
    private let connections: Connections
    private let name: String
    private let input: StandardInput
    private let form: InputForm
    private let report: Report
    private let files: ReceivedFiles
    /// The ports for the sending task, each added when it is open. A new port replaces one that the task has not taken
    /// yet.
    private let ports: AsyncStream<MessagePort>
    private let portsSink: AsyncStream<MessagePort>.Continuation
    private let state = Lock(State())

    private struct State {
        var port: MessagePort?
        /// Whether all of the input has been posted.
        var isFinished = false
        /// Whether a text line was read that no port took.
        var hasUnsent = false
        var isOver = false
        var conversation: Task<Void, any Error>?
    }

    /// Set when the end of the last port has been reported.
    private let isTold = Latch<Void>()

    init(connections: Connections, name: String, input: StandardInput, form: InputForm, report: Report) {
        self.connections = connections
        self.name = name
        self.input = input
        self.form = form
        self.report = report
        files = ReceivedFiles(report: report)
        (ports, portsSink) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// - Parameter fail: called with an error that ends the call in the middle; the caller must then call ``end()``.
    func run(_ fail: @escaping @Sendable (Failure) -> Void) async throws(Failure) -> ExitStatus {
        Task.onLoop { [self] in
            do throws(Failure) { try await send() } catch { fail(error) }
        }
        defer { isTold.set() }
        let conversation = Task(executorPreference: try? EventLoop.shared.executor) { [self] in
            try await converse()
        }
        let isOver = state.withLock { state in
            state.conversation = conversation
            return state.isOver
        }
        if isOver { conversation.cancel() }
        do { try await conversation.value } catch { throw Failure(error) }
        return .success
    }

    private func converse() async throws(Failure) {
        defer { portsSink.finish() }
        var number = 0
        var iterator = connections.makeAsyncIterator()
        while let connection = try await next(of: &iterator) {
            number += 1
            guard await hasBegun(connection.port) else { break }
            if connection.interruption != nil {
                try await report.event(Event.reconnected(port: number))
                await report.note("connected to \(TerminalText.escaped(name)) again")
            }
            portsSink.yield(connection.port)
            input.gate.open()
            try await receive(from: connection.port, number)
            // The peer may have ended its side before the port is over.
            let reason = await connection.port.ended()
            input.gate.close()
            try await report.close(port: number, reason: reason)
            guard reason.code == .peerExited, !state.withLock({ $0.isFinished || $0.isOver }) else {
                try await judge(connection.port, reason)
                break
            }
            let count = connection.port.postedCount
            try await report.event(Event.interrupted(port: number, reason: reason, mayBeLost: count))
            await report.note(Self.interruption(of: name, reason, mayBeLost: count))
        }
    }

    /// Ends the call in any state, and waits until the end has been reported and the posted messages are on their way.
    /// - Parameter isDone: whether the call has done all that was wanted; otherwise it is cut short.
    func end(isDone: Bool = false) async {
        let (port, conversation) = state.withLock { state in
            state.isOver = true
            return (state.port, state.conversation)
        }
        input.gate.stop()
        if let port, port.closeReason == nil {
            if isDone { port.close() }
            await port.interrupt()
        } else {
            // No port is open, so there is no peer to wait for.
            conversation?.cancel()
        }
        _ = await isTold.wait()
    }

    private func next(
        of connections: inout Connections.AsyncIterator
    ) async throws(Failure) -> Connections.Connection? {
        do throws(PortError) {
            return try await connections.next()
        } catch {
            throw error.reason.flatMap { Failure($0, peer: name) } ?? Failure(error)
        }
    }

    /// - Returns: `false` if the call has been ended meanwhile.
    private func hasBegun(_ port: MessagePort) async -> Bool {
        let isOver = state.withLock { state in
            state.port = port
            return state.isOver
        }
        if !isOver { return true }
        port.close()
        try? await port.flush()
        return false
    }

    // MARK: Both directions

    private func receive(from port: MessagePort, _ number: Int) async throws(Failure) {
        var messages = port.messages.makeAsyncIterator()
        while let message = await messages.nextUnlessEnded() {
            let facts = await files.handle(message, from: .onlyPeer).facts
            try await report.message(message, files: facts, from: number)
        }
    }

    private func send() async throws(Failure) {
        var ports = ports.makeAsyncIterator()
        guard var port = await ports.next() else { return }
        var number = 0
        while let lines = try await input.next() {
            for line in lines {
                number += 1
                let content = try form.read(line, number: number)
                // The next port gets a message that this one did not take.
                while try await !send(content, over: port) {
                    guard let next = await ports.next() else {
                        state.withLock { $0.hasUnsent = true }
                        return
                    }
                    port = next
                }
            }
        }
        if input.gate.isStopped { return }
        state.withLock { $0.isFinished = true }
        finish(port)
        // The input may have ended after one port was over and before the next was open: finish that one too.
        while let next = await ports.next() { finish(next) }
    }

    /// All input has been posted. Once standard output has no reader, only the delivery of that input is left to wait
    /// for.
    private func finish(_ port: MessagePort) {
        port.finish()
        Task.onLoop { [self] in
            _ = await report.output.readerGone.wait()
            guard (try? await port.flush()) != nil, port.closeReason == nil else { return }
            await end(isDone: true)
        }
    }

    /// - Returns: `false` if the port has ended.
    private func send(_ content: MessageContent, over port: MessagePort) async throws(Failure) -> Bool {
        do throws(PortError) {
            try await port.send(content.message)
            return true
        } catch {
            if error.code != .closed, port.closeReason == nil { throw Failure(error) }
            return false
        }
    }

    // MARK: How it ended

    private func judge(_ port: MessagePort, _ reason: CloseReason) async throws(Failure) {
        if state.withLock({ $0.isOver }) { return }
        if let failure = Failure(reason, peer: name) { throw failure }
        portsSink.finish()
        let isShort = await input.stopsShort()
        let hasRest = state.withLock { $0.hasUnsent } || isShort
        if !port.peerWasDone, port.undeliveredCount > 0 || hasRest {
            throw Failure.untaken(by: name, undelivered: port.undeliveredCount, hasRest: hasRest)
        }
    }

    static func interruption(of name: String, _ reason: CloseReason, mayBeLost count: Int) -> String {
        let lost =
            switch count {
            case 0: "no message had been sent to it"
            case 1: "the one message sent to it may be lost"
            default: "of the \(count) messages sent to it the last may be lost"
            }
        return
            "\(TerminalText.escaped(name)): \(reason.detail); \(lost); calling the next owner of the name"
    }
}
