import ArgumentParser
import ConnectTo
import ConnectToMessaging

struct HubCommand: ListenerCommand {
    static let configuration = CommandConfiguration(
        commandName: "hub",
        abstract: "Register a name, and pass events and requests on between the programs that connect to it.",
        discussion: """
            Passes each event of a program on to all others that have connected (connect post, connect subscribe), and \
            prints who comes and goes. Each program has an id: the one that it wishes for (--as), or a number. A \
            wish for an id that another has is refused.

            Requests and events that are for one of the programs (--peer) are passed on to it, and answers come back; \
            and a program can ask for a line of its own to another. --no-relay and --no-introductions forbid that.

            An event goes to programs that take events quickly enough; standard error says which has missed one. One \
            that brings files, ports or buffers is not passed on to all, as only one program could have them.

            With --json, standard output carries {"event":"standby"|"listening"|"connected"|"disconnected"|"skipped"|\
            "error",…}.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var callers: AdmissionOptions
    @OptionGroup var ownership: OwnershipOptions

    @Argument(help: "The name to register.")
    var name: String

    @Flag(name: .customLong("no-relay"), help: "Pass nothing on that is for one program alone.")
    var noRelay = false

    @Flag(name: .customLong("no-introductions"), help: "Give no two programs a line of their own.")
    var noIntroductions = false

    @Flag(help: "Let other programs of this user look at the messages: connect tap NAME.")
    var tappable = false

    var once: Bool { false }

    /// How the context is registered.
    var options: ContextOptions {
        ContextOptions(
            ownership: ownership.ownership, format: .calls, isTappable: tappable, admission: callers.admission)
    }

    func work(in program: Program) async throws -> ExitStatus {
        try program.prepareToServe()
        let (name, origin) = try common.contextName(name)
        let bus = try await common.openBus()
        let context = try await register(name, origin, on: bus)
        let report = program.report
        let hub = Hub()
        hub.onUnknownEvent(order: .oneAtATime) { [weak hub] payload, context in
            guard let hub else { return }
            await Self.passOn(payload, context, hub, report)
        }
        if !noRelay { hub.allowRelaying { _, _, _ in true } }
        if !noIntroductions { hub.allowIntroductions { _, _ in true } }
        // Otherwise a request to the hub itself is heard like an event, and its caller believes it done.
        hub.onUnknownRequest { _, _ in
            throw CallFailure(.unknownType, "a hub answers no requests itself; its programs do, with --peer")
        }
        hub.onUndelivered { lost in
            Task.onLoop { await Self.tell(lost.error, missing: lost.type, lost.receiver, report) }
        }
        program.atEnd { _ in
            await context.unregister()
            hub.close()
        }
        program.reportStatus(of: bus)
        Task.onLoop { [changes = hub.changes] in
            do {
                for await change in changes { try await Self.tell(change, report) }
            } catch { program.fail(Failure(error)) }
        }
        try await announce(context, report)
        do throws(ConnectToError) {
            try await hub.serve(context) { event in event.metadata["as"] }
        } catch  where error.code != .contextEnded {
            throw Failure(error)
        } catch {
            // The context says why.
        }
        throw Failure(endOf: context)
    }

    /// Passes an event of one program on to all others.
    private static func passOn(_ payload: Payload, _ context: CallContext, _ hub: Hub, _ report: Report) async {
        let things = payload.transferred
        defer { for thing in things { thing.close() } }
        do throws(CallError) {
            var message = OutgoingMessage.forwarding(payload)
            message?.transfer = []
            if !things.isEmpty {
                throw CallError(
                    .notEncodable, "it brought \(things.inWords), and only one program could have them")
            }
            let skipped = try hub.broadcast(context.type, message, from: context.peerID, except: context.peerID)
            for skipped in skipped { await tell(skipped.error, missing: context.type, skipped.peer.id, report) }
        } catch {
            await tell(error, missing: context.type, nil, report)
        }
    }

    /// Says that a program, or every program, has missed an event.
    private static func tell(_ error: CallError, missing type: String, _ id: String?, _ report: Report) async {
        let who = id.map { TerminalText.escaped($0) } ?? "every program"
        await report.note("\(who) has missed an event \(TerminalText.escaped(type)): \(error.message)")
        try? await report.event([
            "event": .string("skipped"), "id": .optional(id), "type": .string(type),
            "code": .string(error.code.rawValue),
        ])
    }

    private static func tell(_ change: HubChange, _ report: Report) async throws(Failure) {
        if report.isJSON { return try await report.textLine(Event.change(change).bytes) }
        let id = TerminalText.escaped(change.peer.id)
        switch change {
        case .connected(let peer):
            try await report.textLine(
                "connected \(id)" + (peer.identity.map { ": \(TerminalText.escaped($0.label))" } ?? ""))
        case .disconnected(_, let reason):
            try await report.textLine("disconnected \(id): \(TerminalText.escaped(reason.detail))")
        }
    }
}
