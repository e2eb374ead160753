import ArgumentParser
import ConnectTo

struct Listen: ListenerCommand {
    static let configuration = CommandConfiguration(
        commandName: "listen",
        abstract: "Register a name, and talk to the programs that connect to it.",
        discussion: """
            Prints each message as a text line, and posts each text line of standard input to every open port. Standard \
            input is not read while no port is open. A port whose caller has ended its input stays open for answers. \
            The end of standard input closes such ports, and ends the listener only with --once. At a terminal, the \
            end of the caller's input closes its port.

            With --json, standard output carries {"event":"standby"|"listening"|"connect"|"message"|"finish"|"close"|\
            "error",…}. A text line of standard input that begins with { says what to post: {"port":1,"text":…}, with \
            "base64" or "json" in place of "text"; {"port":1,"close":true} closes the port after everything that was \
            posted to it. Without "port" it is for every open port. "finish" says that the caller has ended its input. \
            A message that its sender calls JSON is shown as "text" if it is not JSON, or has more than \
            \(JSONScanner.depthLimit) levels or half a surrogate pair.

            With --as-json each text line of standard input, or of the command's output, is posted as JSON, for callers \
            that decode it. A text line that is not well-formed JSON is reported and not sent.

            With --raw there are no messages: standard input and output are the line, byte for byte, for one caller \
            after the other. The line ends when both sides have ended their input; at a terminal, when the caller has.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var callers: AdmissionOptions
    @OptionGroup var ownership: OwnershipOptions

    @Argument(help: "The name to register.")
    var name: String

    @Flag(
        help: ArgumentHelp(
            "Serve one caller, and end with it.",
            discussion: """
                The name is unregistered when the caller is admitted. The line stays open until both sides have ended \
                their input; at a terminal, until the caller has.
                """))
    var once = false

    @Option(
        name: .customLong("exec"), parsing: .remaining,
        help: ArgumentHelp(
            "Run this command for each caller, with the port as its standard input and output; comes last: --exec -- COMMAND…",
            discussion: """
                The end of the caller's input closes the command's standard input; the port closes when the command has \
                ended, and the caller exits with 0. The command's exit status is written to standard error here, and \
                not sent to the caller. Where the command could not be run, or wrote a text line of more than 64 MiB, \
                the caller sees the line break off (76). When the caller goes first, the command's process group gets \
                SIGHUP. The command has no terminal. At most \(ChildCommand.limit) commands run at the same time, and \
                further callers wait. CONNECT_NAME, CONNECT_PEER_PID and CONNECT_PEER_UID are in the command's \
                environment; CONNECT_PEER_PID is empty where the caller's process is not known.
                """,
            valueName: "command"),
        completion: .file())
    var command: [String] = []

    @Flag(
        help:
            "Carry bytes in place of messages; with --exec the command gets the socket as its standard input and output."
    )
    var raw = false

    @Flag(
        name: .customLong("as-json"),
        help: "Post each text line of standard input, or with --exec of the command's output, as JSON.")
    var asJSON = false

    @Flag(help: "Let other programs of this user look at the messages: connect tap NAME.")
    var tappable = false

    @Option(
        help: ArgumentHelp(
            "Store the files that callers pass, under their base names, in this directory.", valueName: "dir"),
        completion: .directory)
    var save: String?

    @Flag(help: "With --save, overwrite files that exist.")
    var force = false

    @Option(
        name: .customLong("max-size"), parsing: .unconditional,
        help: ArgumentHelp(
            "With --save, store no file of more bytes; 20M is 20 MiB. No limit if not given.", valueName: "size"),
        transform: SizeArgument.init)
    var sizeLimit: SizeArgument?

    @Option(
        name: .customLong("max-stall"), parsing: .unconditional,
        help: ArgumentHelp(
            "With --save, give up a file of which nothing arrives for this long; \(ReceivedFiles.patience) if not given.",
            valueName: "seconds"),
        transform: SecondsArgument.init)
    var stallLimit: SecondsArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Drop a peer that takes nothing for this long while other peers wait for it; 10 if not given.",
            discussion: """
                Standard input goes to all peers, so a peer that reads slowly delays the others once it is \
                \(PostLog.limit >> 20) MiB behind. A peer that reads nothing is dropped then: its port ends as "busy" \
                here, and the peer sees the line break off. A peer that is alone is waited for.
                """,
            valueName: "seconds"),
        transform: SecondsArgument.init)
    var dropAfter: SecondsArgument?

    /// How long a peer may take nothing while others wait for it, unless `--drop-after` says otherwise.
    private static let dropTime = Duration.seconds(10)

    func validate() throws {
        // ArgumentParser treats an option that takes the rest of the command line as absent if the rest is empty.
        let isBare = command.isEmpty && name != "--exec" && ArgumentBytes.ofThisProcess().last == "--exec"
        if isBare || command == ["--"] {
            throw ValidationError("--exec needs a command: NAME --exec -- COMMAND…")
        }
        if raw, command.isEmpty, output.json {
            throw ValidationError("--raw writes bytes to standard output; leave out --json, or add --exec")
        }
        if tappable, raw {
            throw ValidationError("--tappable shows messages, and --raw carries none; leave out one of the two")
        }
        if asJSON, raw {
            throw ValidationError("--as-json posts messages, and --raw carries none; leave out one of the two")
        }
        if save != nil, raw || !command.isEmpty {
            throw ValidationError("--save stores files that come with messages; leave out --raw and --exec")
        }
        for (isGiven, option) in [
            (force, "--force"), (sizeLimit != nil, "--max-size"), (stallLimit != nil, "--max-stall"),
        ] where isGiven && save == nil {
            throw ValidationError("\(option) needs --save")
        }
        if dropAfter != nil, raw || !command.isEmpty {
            throw ValidationError(
                "--drop-after is for standard input that goes to all peers; leave out --raw and --exec")
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

    /// How the context is registered.
    var options: ContextOptions {
        ContextOptions(
            ownership: ownership.ownership, callerLimit: once ? 1 : nil, format: raw ? .stream : .messages,
            isPartial: raw && !command.isEmpty, isTappable: tappable, admission: callers.admission)
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
            form: InputForm(asJSON: asJSON, objects: output.json),
            isOnce: once,
            files: ReceivedFiles(
                report: report, store: store,
                patience: stallLimit?.duration ?? .seconds(ReceivedFiles.patience)))
    }
}
