import ArgumentParser
import ConnectTo

struct Listen: ProgramCommand {
    static let configuration = CommandConfiguration(
        commandName: "listen",
        abstract: "Register a name, and talk to whoever connects.",
        discussion: """
            Each message is a line of standard output; each line of standard input is posted to every open \
            port, and is not read while none is open. A port whose peer has ended its input stays open for answers; the \
            end of standard input closes the ports whose peers have ended theirs, and ends the listener only with \
            --once. At a terminal the peer's end of input closes its port.

            With --json, standard output carries {"event":"standby"|"listening"|"connect"|"message"|"finish"|"close"|\
            "error",…}, and lines of standard input that begin with { say what to post where: {"port":1,"text":…}, \
            with "base64" or "json" in place of "text"; {"port":1,"close":true} closes the port behind what was posted \
            to it. Without "port" it is for every open port. "finish" tells that the peer has ended its input. A \
            message that says it is JSON and is none, or has more than \(JSONScanner.depthLimit) levels or half a \
            surrogate pair, is shown as "text".

            With --as-json each line of standard input, or of the command's output, is JSON and posted as that, for \
            peers that decode it. One that is not well-formed is told of and not sent.

            With --raw there are no messages: standard input and output are the line, byte for byte, for one peer \
            after the other. Both sides end their input to end it; on a terminal, the peer's end is enough.
            """)

    static let readerLoss = ReaderLoss.failure

    @OptionGroup var common: CommonOptions
    @OptionGroup var callers: AdmissionOptions

    @Argument(help: "The name to be found by.")
    var name: String

    @Flag(
        help: ArgumentHelp(
            "Serve one peer, and end with it.",
            discussion: """
                The name is given back when the peer is admitted. The line stays open until both sides have ended \
                their input; at a terminal, until the peer has.
                """))
    var once = false

    @Flag(help: "If the name is taken, stand by for it: take it over when its owner goes.")
    var standby = false

    @Option(
        name: .customLong("exec"), parsing: .remaining,
        help: ArgumentHelp(
            "Run this command for each peer, its standard input and output on the port: --exec -- COMMAND…, last.",
            discussion: """
                The peer's end of input closes the command's standard input only; the port closes when the command \
                has ended, and its caller exits with 0. How it ended is told on standard error here, and not to the peer; but where it could not be \
                run, or wrote a line of more than 64 MiB, the peer sees the line break off (76). Peer gone: SIGHUP to \
                its process group. It has no terminal to ask on. At most \(ChildCommand.limit) run at once; \
                further peers wait. CONNECT_NAME, CONNECT_PEER_PID and CONNECT_PEER_UID are in its environment; \
                CONNECT_PEER_PID is empty where the caller's process is not known.
                """,
            valueName: "command"),
        completion: .file())
    var command: [String] = []

    @Flag(
        help:
            "Carry bytes in place of messages; with --exec the line itself is the command's input and output."
    )
    var raw = false

    @Flag(
        name: .customLong("as-json"),
        help: "Post each line of standard input, or with --exec of the command's output, as JSON.")
    var asJSON = false

    @Flag(help: "Let other programs of this user look on at the messages: connect tap NAME.")
    var tappable = false

    @Option(
        help: ArgumentHelp(
            "Store the files that peers pass, under their names, in this directory.", valueName: "dir"),
        completion: .directory)
    var save: String?

    @Flag(help: "With --save, overwrite files that are there.")
    var force = false

    @Option(
        name: .customLong("max-size"), parsing: .unconditional,
        help: ArgumentHelp(
            "With --save, store no larger file; 20M is 20 MiB. No limit if not given.", valueName: "size"),
        transform: SizeArgument.init)
    var sizeLimit: SizeArgument?

    @Option(
        name: .customLong("max-stall"), parsing: .unconditional,
        help: ArgumentHelp(
            "With --save, give up a file of which nothing comes for so long; \(ReceivedFiles.patience) if not given.",
            valueName: "seconds"),
        transform: SecondsArgument.init)
    var stallLimit: SecondsArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Drop a peer that takes nothing for so long while others wait for it; 10 if not given.",
            discussion: """
                Standard input goes to all peers alike, so one that reads slowly holds up the others as soon as it is \
                \(PostLog.limit >> 20) MiB behind. One that reads nothing is dropped then: its port ends as "busy" here, \
                and it sees the line break off. A peer that is alone is waited for.
                """,
            valueName: "seconds"),
        transform: SecondsArgument.init)
    var dropAfter: SecondsArgument?

    /// How long a peer may take nothing while others wait for it, unless `--drop-after` says otherwise.
    private static let dropTime = Duration.seconds(10)

    @Flag(help: "If the name belongs to a listener that is --replaceable, take it over.")
    var replace = false

    @Flag(help: "Let another listener take the name over that asks to with --replace.")
    var replaceable = false

    func validate() throws {
        // ArgumentParser treats an option that takes the rest of the command line as absent if the rest is empty.
        let isBare = command.isEmpty && name != "--exec" && ArgumentBytes.ofThisProcess().last == "--exec"
        if isBare || command == ["--"] {
            throw ValidationError("--exec needs a command: NAME --exec -- COMMAND…")
        }
        if raw, command.isEmpty, common.json {
            throw ValidationError("--raw writes bytes to standard output: no --json, but with --exec")
        }
        if tappable, raw { throw ValidationError("--tappable shows messages, and --raw has none") }
        if asJSON, raw { throw ValidationError("--as-json posts messages, and --raw has none") }
        if save != nil, raw || !command.isEmpty {
            throw ValidationError("--save takes what comes with messages: no --raw or --exec beside it")
        }
        for (isGiven, option) in [
            (force, "--force"), (sizeLimit != nil, "--max-size"), (stallLimit != nil, "--max-stall"),
        ] where isGiven && save == nil {
            throw ValidationError("\(option) is for --save")
        }
        if dropAfter != nil, raw || !command.isEmpty {
            throw ValidationError(
                "--drop-after is for what standard input has for all peers: no --raw or --exec beside it")
        }
    }

    func work(in program: Program) async throws -> ExitStatus {
        try program.prepareToServe()
        let (name, origin) = try common.contextName(name)
        // The leading `--` is optional, and means the same as in `connect activate NAME -- COMMAND…`.
        let words = command.first == "--" ? Array(command.dropFirst()) : command
        let child = try words.isEmpty ? nil : ChildCommand(words, name: name)
        let input = child == nil && !raw ? try StandardInput() : nil
        let store = try save.map { path throws(Failure) in
            try FileStore(path, overwrites: force, sizeLimit: sizeLimit?.bytes ?? .max)
        }
        let bus = try await common.openBus()
        if raw {
            let service: any PeerService<StreamEvent> =
                if let child {
                    RawChildService(command: child, report: program.report)
                } else {
                    try RawService(report: program.report)
                }
            let context = try await register(name, origin, on: bus)
            return try await serve(context, context.streams, service, OpenStreams(), on: bus, in: program)
        }
        let ports = try OpenPorts(gate: input?.gate, stallTime: dropAfter?.duration ?? Self.dropTime)
        let service = service(child, input, store, ports, program)
        let context = try await register(name, origin, on: bus)
        // Abandon the store first: the other cleanups may take all the time there is.
        return try await serve(context, context.connectEvents, service, ports, on: bus, in: program) {
            store?.abandon()
        }
    }

    private func serve<Events: AsyncSequence>(
        _ context: Context, _ events: Events, _ service: any PeerService<Events.Element>,
        _ peers: any OpenPeers<Events.Element>, on bus: Bus, in program: Program,
        whenItEnds clean: @escaping @Sendable () -> Void = {}
    ) async throws -> ExitStatus where Events.Element: PeerEvent {
        program.atEnd { _ in
            clean()
            await context.unregister()
            service.end()
            await peers.closeAll()
            await peers.waitUntilFewer(than: 1)
        }
        program.reportStatus(of: bus)
        try await announce(context, program.report)
        if let lines = service as? TextLineService { lines.readInput { program.fail($0) } }
        return try await once
            ? serveOne(context, events, service, peers, program) : serveAll(context, events, service, peers, program)
    }

    private var options: ContextOptions {
        var ownership: ContextOptions.Ownership = []
        if standby { ownership.insert(.standby) }
        if replace { ownership.insert(.replacesExisting) }
        if replaceable { ownership.insert(.allowsReplacement) }
        return ContextOptions(
            ownership: ownership, callerLimit: once ? 1 : nil, format: raw ? .stream : .messages,
            isPartial: raw && !command.isEmpty, isTappable: tappable, admission: callers.admission)
    }

    private func register(_ name: String, _ origin: String, on bus: Bus) async throws(Failure) -> Context {
        do throws(ConnectToError) {
            return try await bus.register(name, origin: origin, options: options)
        } catch {
            let failure = Failure(error)
            guard replace, error.code == .nameTaken, let message = failure.message else { throw failure }
            throw Failure(
                failure.status, "\(message); --replace takes it only from who was started with --replaceable")
        }
    }

    /// The service that handles each peer's messages.
    private func service(
        _ child: ChildCommand?, _ input: StandardInput?, _ store: FileStore?, _ ports: OpenPorts,
        _ program: Program
    ) -> any PeerService<ConnectEvent> {
        let report = program.report
        if let child {
            return ChildService(
                command: child, report: report, form: InputForm(asJSON: asJSON, objects: false))
        }
        return TextLineService(
            report: report, ports: ports, input: input,
            form: InputForm(asJSON: asJSON, objects: common.json),
            isOnce: once,
            files: ReceivedFiles(
                report: report, store: store,
                patience: stallLimit?.duration ?? .seconds(ReceivedFiles.patience)))
    }

    /// Reports that callers can find the name, and before that, with `--standby`, that the listener waits for the name.
    private func announce(_ context: Context, _ report: Report) async throws(Failure) {
        let (name, origin) = (context.name, context.origin)
        if context.status == .standby {
            try await report.event(Event.standby(name: name, origin: origin))
            await report.note("standing by for \(TerminalText.escaped(name))")
        }
        do throws(ConnectToError) {
            try await context.waitUntilRegistered()
        } catch {
            throw Failure(endOf: context)
        }
        try await report.event(Event.listening(name: name, origin: origin))
        await report.note("listening as \(TerminalText.escaped(name))")
    }
}
