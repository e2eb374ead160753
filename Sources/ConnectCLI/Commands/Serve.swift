import ArgumentParser
import ConnectTo
import ConnectToLinux
import ConnectToMessaging

struct Serve: ListenerCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Register a name, and answer requests with a command.",
        // ArgumentParser's own usage text has the options after the command, which would take them as its arguments.
        usage: """
            connect serve [<options>] <name> <type> -- <command> ...
            connect serve [<options>] <name> --handlers <dir>
            """,
        discussion: """
            Runs the command for each request of the type TYPE: the payload is its standard input, and what it prints \
            is the answer (connect call, or any program of the library ConnectToMessaging). A command that ends with \
            another exit status than 0 fails the request, with the last line of its standard error as the text.

              connect serve clock now -- date
              connect call clock now

            Text and JSON come and go as a text line: with a newline, which does not belong to them. A command that \
            prints nothing answers without a payload. When the caller gives up, its time is over or its line ends, the \
            command's process group gets SIGTERM, and a second later SIGKILL.

            In the command's environment are CONNECT_NAME, CONNECT_TYPE, CONNECT_KIND (text, json or bytes; empty \
            without a payload), CONNECT_PEER_PID, CONNECT_PEER_UID, CONNECT_TIMEOUT (the seconds that are left; empty \
            without a limit) and CONNECT_FILES (the paths of the files that came along, a line each).

            With --json, standard output carries {"event":"standby"|"listening"|"connect"|"request"|"answer"|"close"|\
            "error",…}.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var callers: AdmissionOptions
    @OptionGroup var ownership: OwnershipOptions

    @Argument(help: "The name to register.")
    var name: String

    @Argument(help: "The type of the requests that the command answers.")
    var type: String?

    @Argument(
        parsing: .postTerminator,
        help: ArgumentHelp("The command to run, after two dashes.", valueName: "command"),
        completion: .file())
    var command: [String] = []

    @Option(
        help: ArgumentHelp(
            "In place of TYPE and COMMAND: the executable of this directory that has the type's name answers a request.",
            discussion: """
                The directory is looked at for each request, so executables may come and go. Hidden files answer \
                nothing.
                """,
            valueName: "dir"),
        completion: .directory)
    var handlers: String?

    @Flag(help: "Send each text line of the output as it comes, to callers that ask for many answers (call --more).")
    var stream = false

    @Flag(
        name: .customLong("as-json"), help: "Answer with JSON. Output that is not well-formed JSON fails the request.")
    var asJSON = false

    @Flag(help: "Answer with bytes, byte for byte; with --stream in pieces as they come.")
    var bytes = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Run at most this many commands at the same time; \(ChildCommand.limit) if not given. Further requests wait.",
            valueName: "n"),
        transform: Self.count)
    var jobs: Int?

    @Flag(help: "Let other programs of this user look at the messages: connect tap NAME.")
    var tappable = false

    var once: Bool { false }

    /// - Throws: `ValidationError`, which says what to write instead, if the argument is not a number of commands.
    private static func count(_ argument: String) throws -> Int {
        guard let count = Int(argument), count > 0 else { throw ValidationError("give a number of at least 1") }
        return count
    }

    func validate() throws {
        if asJSON, bytes { throw ValidationError("--as-json and --bytes exclude each other; leave out one") }
        if handlers != nil, type != nil || !command.isEmpty {
            throw ValidationError("--handlers takes the place of TYPE and COMMAND; leave out one or the other")
        }
        if handlers == nil, type == nil || command.isEmpty {
            throw ValidationError(
                "give a type and the command that answers it, after two dashes: NAME TYPE -- COMMAND…, or --handlers DIR"
            )
        }
    }

    func work(in program: Program) async throws -> ExitStatus {
        try program.prepareToServe()
        let (name, origin) = try common.contextName(name)
        let service = try AnsweringService(
            try commands(), name: name, form: PayloadForm(asJSON: asJSON, bytes: bytes), isStream: stream,
            jobs: jobs ?? ChildCommand.limit, report: program.report)
        let bus = try await common.openBus()
        let context = try await register(name, origin, on: bus)
        return try await serve(context, context.connectEvents, service, OpenLines(), on: bus, in: program)
    }

    private func commands() throws(Failure) -> AnsweringCommands {
        if let handlers {
            let path = ArgumentBytes.bytes(of: handlers)
            guard ProgramPath.isDirectory(path) else {
                throw Failure(
                    .usage, "--handlers \(TerminalText.escaped(handlers)) is not a directory; give one that exists")
            }
            return .directory(path)
        }
        _ = try ProgramPath.find(command.first ?? "")
        return .one(type: try RequestType.checked(type ?? ""), words: command.map(ArgumentBytes.bytes))
    }

    /// How the context is registered.
    var options: ContextOptions {
        ContextOptions(
            ownership: ownership.ownership, format: .calls, isTappable: tappable, admission: callers.admission)
    }
}
