import ArgumentParser
import ConnectTo
import ConnectToLinux
import ConnectToMessaging

struct Subscribe: BusCommand {
    static let configuration = CommandConfiguration(
        commandName: "subscribe",
        abstract: "Print the events of a hub, or of another program that posts some.",
        discussion: """
            Prints each event that the program sends: with one TYPE its payload, as connect call prints an answer; \
            otherwise its type, a tab and the payload. Standard error says "subscribed to NAME" when no event is missed \
            any more. Ends when that program closes the line. A program that sends events faster than they are read \
            waits.

            With --json: {"event":"event","type":…,"from":…,…}, with the payload as "text", "json" or "base64"; "from" \
            is the id of the program that a hub has passed it on for.
            """)

    static let readerLoss = ReaderLoss.end

    /// How long the answer to the last event, and what else is under way, may take.
    private static let lastAnswer = Duration.seconds(1)

    @OptionGroup var common: CommonOptions

    @Argument(help: "The name to connect to.")
    var name: String

    @Argument(help: "Print the events of these types alone.")
    var types: [String] = []

    @OptionGroup var calls: CallsOptions

    @Option(
        parsing: .unconditional, help: ArgumentHelp("Exit after this many events.", valueName: "n"),
        transform: Self.count)
    var count: Int?

    /// - Throws: `ValidationError`, which says what to write instead, if the argument is not a number of events.
    private static func count(_ argument: String) throws -> Int {
        guard let count = Int(argument), count > 0 else { throw ValidationError("give a number of at least 1") }
        return count
    }

    func work(in program: Program) async throws -> ExitStatus {
        let (name, origin) = try common.contextName(name)
        let types = try types.map { type throws(Failure) in try RequestType.checked(type) }
        let bus = try await common.openBus()
        let port = bus.connectTo(name, origin: origin, options: calls.connecting)
        let printed = Printed(count: count ?? .max)
        let handlers = Handlers()
        let show: @Sendable (Payload, CallContext) async -> Void = { payload, context in
            guard printed.begin() else { return }
            do throws(Failure) {
                try await Self.show(payload, context, hasOneType: types.count == 1, program.report)
                printed.end()
            } catch { program.fail(error) }
        }
        if types.isEmpty { handlers.onUnknownEvent(order: .oneAtATime, show) }
        for type in types { handlers.onEvent(type, order: .oneAtATime, show) }
        let messenger = Messenger(port, handlers: handlers)
        program.atEnd { _ in
            messenger.close()
            // A messenger that has released its port does not close it.
            port.close()
            try? await port.flush()
        }
        do throws(PortError) {
            try await port.waitUntilOpen()
        } catch {
            let failure = port.closeReason.flatMap { Failure($0, peer: name) } ?? Failure(error)
            throw await common.explained(
                failure, calling: name, origin: origin, on: bus, asked: .calls, waits: calls.caller.wait != nil)
        }
        Task.onLoop {
            // Answered when the other program has taken this one for its own.
            if (try? await messenger.barrier()) == nil { return }
            await program.report.note("subscribed to \(TerminalText.escaped(name))")
        }
        Task.onLoop {
            await port.ended()
            printed.isDone.set()
        }
        _ = await printed.isDone.wait()
        // The sender of the last event may wait for its answer (connect post --peer), which has left with the release.
        if printed.isComplete { _ = try? await messenger.release(within: Self.lastAnswer) }
        if let reason = messenger.closeReason ?? port.closeReason, !printed.isComplete,
            let failure = Failure(reason, peer: name)
        {
            throw failure
        }
        return .success
    }

    private static func show(
        _ payload: Payload, _ context: CallContext, hasOneType: Bool, _ report: Report
    ) async throws(Failure) {
        if !payload.transferred.isEmpty {
            let type = TerminalText.escaped(context.type)
            await report.note(
                "connect has closed what came with an event \(type), as it cannot use it: \(payload.transferred.inWords)"
            )
            for thing in payload.transferred { thing.close() }
        }
        if report.isJSON {
            return try await report.textLine(
                MessageEvent(
                    payload,
                    in: [
                        "event": .string("event"), "type": .string(context.type), "from": .optional(context.sender),
                    ]))
        }
        if !hasOneType {
            let type = Array("\(TerminalText.escaped(context.type))\t".utf8)
            try await report.textLine(type + payload.bytes)
        } else if payload.kind == nil {
            try await report.textLine("")
        } else {
            try await report.textLine(MessageBytes(payload), ending: payload.kind == .bytes ? [] : [0x0A])
        }
    }
}

/// How many events have been printed, of those that are wanted.
private final class Printed: Sendable {
    /// Set when all have been printed, or when no more will come.
    let isDone = Latch<Void>()
    private let state: Lock<(begun: Int, ended: Int)>
    private let count: Int

    init(count: Int) {
        self.count = count
        state = Lock((0, 0))
    }

    var isComplete: Bool { state.withLock { $0.ended == count } }

    /// - Returns: whether one more is wanted.
    func begin() -> Bool {
        state.withLock { state in
            if state.begun == count { return false }
            state.begun += 1
            return true
        }
    }

    func end() {
        let isLast = state.withLock { state in
            state.ended += 1
            return state.ended == count
        }
        if isLast { isDone.set() }
    }
}
