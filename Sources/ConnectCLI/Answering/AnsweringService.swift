import ConnectTo
import ConnectToLinux
import ConnectToMessaging

/// `connect serve`: runs a command for each request.
final class AnsweringService: PeerService {
    private let commands: AnsweringCommands
    private let name: String
    private let form: PayloadForm
    private let isStream: Bool
    private let report: Report
    private let children: Children
    private let slots: Slots

    let limit = Int.max
    let status = ExitStatus.success

    /// - Parameter jobs: how many commands may run at the same time; further requests wait.
    /// - Throws: ``Failure`` 74 if this process lacks the descriptors or threads to run commands.
    init(
        _ commands: AnsweringCommands, name: String, form: PayloadForm, isStream: Bool, jobs: Int, report: Report
    ) throws(Failure) {
        self.commands = commands
        self.name = name
        self.form = form
        self.isStream = isStream
        self.report = report
        slots = Slots(jobs)
        do {
            children = try Children()
        } catch { throw .outOfResources("no commands can be run", error) }
    }

    /// A request that was not answered is the caller's to judge.
    func untakenFailure(of event: ConnectEvent) async -> Failure? { nil }

    func serve(_ event: ConnectEvent, _ number: Int) async throws(Failure) -> CloseReason {
        let runs = Runs()
        let messenger = Messenger(event.source, peer: event.peer, handlers: handlers(number, runs))
        let reason = await event.source.ended()
        // Also where this process has closed the port: the requests' tasks are cancelled, which ends the commands.
        messenger.close()
        await runs.waitForAll()
        return messenger.closeReason ?? reason
    }

    private func handlers(_ number: Int, _ runs: Runs) -> Handlers {
        let handlers = Handlers()
        let one: @Sendable (Payload, CallContext) async throws -> OutgoingMessage? = { [self] payload, context in
            try await runs.run { try await self.answer(payload, context, number, into: nil) }
        }
        let many: @Sendable (Payload, PayloadStream, CallContext) async throws -> Void = {
            [self] payload, stream, context in
            try await runs.run { _ = try await self.answer(payload, context, number, into: stream) }
        }
        switch (commands, isStream) {
        case (.one(let type, _), false): handlers.onRequest(type, one)
        case (.one(let type, _), true): handlers.onStream(type, many)
        case (.directory, false): handlers.onUnknownRequest(one)
        case (.directory, true): handlers.onUnknownStream(many)
        }
        return handlers
    }

    // MARK: One request

    private func answer(
        _ payload: Payload, _ context: CallContext, _ number: Int, into stream: PayloadStream?
    ) async throws -> OutgoingMessage? {
        defer { for thing in payload.transferred { thing.close() } }
        try? await report.event(Event.request(context.type, port: number))
        do {
            let words = try commands.words(for: context.type)
            if payload.transferred.contains(where: { $0.kind != .file }) {
                throw CallFailure(.invalidPayload, "the command can be given files, and no ports or buffers")
            }
            try await slots.take()
            defer { slots.give() }
            let run = try await start(words, payload, context, number)
            let isLine = payload.kind == .text || payload.kind == .json
            let outcome = await run.run(MessageBytes(payload, ending: isLine ? [0x0A] : []), into: stream)
            if outcome.isCutOff { await report.outputCutOff(port: number) }
            try Task.checkCancellation()
            let answer = try outcome.answer(as: form, isStream: stream != nil)
            try? await report.event(Event.answered(context.type, port: number, code: nil))
            return answer
        } catch {
            await tell(error, context, number)
            throw error
        }
    }

    private func start(
        _ words: [[UInt8]], _ payload: Payload, _ context: CallContext, _ number: Int
    ) async throws -> AnsweringRun {
        // The files stay open here until the command has its own descriptors of them.
        let files = payload.transferred.compactMap { $0.file?.withFileDescriptor { $0 } }
        var environment = ChildEnvironment(name: name, peer: context.peer)
        environment["CONNECT_TYPE"] = context.type
        environment["CONNECT_KIND"] = payload.kind.map { "\($0)" } ?? ""
        environment["CONNECT_TIMEOUT"] = context.remainingTime.map { max(.zero, $0).inSeconds } ?? ""
        environment["CONNECT_FILES"] = files.map { "/dev/fd/\($0)" }.joined(separator: "\n")
        do {
            let input = try PipeEnd.pipe(.write)
            let output = try PipeEnd.pipe(.read)
            let errors = try PipeEnd.pipe(.read)
            let child = try await children.start(
                words, environment: environment.entries, input: input.theirs, output: output.theirs,
                errors: errors.theirs, kept: files, lingers: true
            ) { [report] stop in
                Task.onLoop { await report.commandStopped(stop, port: number) }
            }
            return AnsweringRun(
                child, input: input.ours, output: output.ours, errors: errors.ours, form: form, report: report)
        } catch {
            let label = ShellWord.quoted(String(decoding: words.first ?? [], as: UTF8.self))
            await report.failure(.notRun(label, error))
            throw CallFailure(.handlerFailed, "the command for the request \(context.type) could not be run")
        }
    }

    /// Says on standard error and with `--json` that a request has not got its answer.
    private func tell(_ error: any Error, _ context: CallContext, _ number: Int) async {
        let code: String
        var text: String
        switch error {
        case let failure as CallFailure: (code, text) = (failure.code.rawValue, failure.message)
        case is CancellationError:
            (code, text) = ("cancelled", "the caller waits no longer")
        default: (code, text) = ("handler-failed", "\(error)")
        }
        text = "port \(number): \(TerminalText.escaped(context.type)): \(TerminalText.escaped(text)) (\(code))"
        await report.note(text)
        try? await report.event(Event.answered(context.type, port: number, code: code))
    }
}

/// The requests of one line that are being answered.
private final class Runs: Sendable {
    private struct State {
        var count = 0
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Lock(State())

    func run<Result>(_ body: () async throws -> Result) async throws -> Result {
        state.withLock { $0.count += 1 }
        defer {
            let waiter = state.withLock { state in
                state.count -= 1
                if state.count > 0 { return nil as CheckedContinuation<Void, Never>? }
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.resume()
        }
        return try await body()
    }

    func waitForAll() async {
        await withCheckedContinuation { continuation in
            let isDone = state.withLock { state in
                if state.count == 0 { return true }
                state.waiter = continuation
                return false
            }
            if isDone { continuation.resume() }
        }
    }
}
