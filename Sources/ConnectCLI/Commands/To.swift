import ArgumentParser
import ConnectTo
import ConnectToLinux

struct To: BusCommand {
    static let configuration = CommandConfiguration(
        commandName: "to",
        abstract: "Connect to a name, and talk to its listener.",
        discussion: """
            Posts each MESSAGE, or else each text line of standard input, and prints what comes back. Ends its side when \
            its input ends, and exits when the listener closes the port: a listener that can still answer keeps it \
            waiting (see --no-reply, --replies, --timeout). A MESSAGE or a name that begins with a dash comes after two \
            dashes: connect to NAME -- -1

            When the reader of standard output goes, the rest of the input is sent, and connect exits with 0, or with \
            74 if a message arrives meanwhile that cannot be written.

            With --json, standard output carries {"event":"message"|"close"|"error",…}. A text line of standard input \
            that begins with { says what to post: {"text":…}, with "base64" or "json" in place of "text". Text with \
            half a surrogate pair is not sent (65).

            With --reconnect the call outlives its listener: when the listener dies, standard input goes to the next \
            owner of the name, within 10 seconds or those of --wait. No message is sent twice: standard error says how \
            many messages went to the listener that died, the last of which may be lost, and so does \
            {"event":"interrupted","port":…,"reason":…,"mayBeLost":…}; {"event":"reconnected","port":…} follows.

            With --raw there are no messages: standard input and output are the line, byte for byte, as ssh's \
            ProxyCommand needs it. The listener has to be started with --raw too.
            """)

    @OptionGroup var common: CommonOptions

    @Argument(help: "The name to connect to.")
    var name: String

    @Argument(help: "A message to post, in place of standard input.")
    var messages: [String] = []

    @OptionGroup var caller: CallerOptions

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Exit after this many messages have come back.", valueName: "n"),
        transform: Self.count)
    var replies: Int?

    @Flag(help: "Exit as soon as everything is delivered, and do not read what comes back.")
    var noReply = false

    @Flag(
        name: .customLong("as-json"),
        help: "Post each MESSAGE, or else each text line of standard input, as JSON. Malformed JSON is not sent (65).")
    var asJSON = false

    @Flag(help: "Send standard input as one message of bytes, up to 64 MiB.")
    var bytes = false

    @Option(
        name: .customLong("file"), parsing: .upToNextOption,
        help: ArgumentHelp(
            "Pass open files, one path or more, each with a message that is its base name; after MESSAGE, in place of standard input.",
            valueName: "path"),
        completion: .file())
    var files: [String] = []

    @Flag(help: "Carry bytes in place of messages, and exit when the listener has closed the line.")
    var raw = false

    @Flag(help: "When the listener dies, go on with the next owner of the name.")
    var reconnect = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Exit with 75 if the whole call takes longer.", valueName: "seconds"),
        transform: SecondsArgument.init)
    var timeout: SecondsArgument?

    /// - Throws: `ValidationError`, which says what to write instead, if the argument is not a number of replies.
    private static func count(_ argument: String) throws -> Int {
        guard let count = Int(argument), count > 0 else {
            throw ValidationError("give a number of at least 1, or use --no-reply to wait for no message")
        }
        return count
    }

    func validate() throws {
        if bytes, !messages.isEmpty || !files.isEmpty {
            throw ValidationError("--bytes sends standard input; leave out MESSAGE and --file")
        }
        if asJSON, raw || bytes {
            throw ValidationError("--as-json posts messages of JSON; leave out --raw and --bytes")
        }
        if raw, !messages.isEmpty || !files.isEmpty || bytes || replies != nil || noReply || output.json {
            throw ValidationError(
                "--raw carries bytes; leave out MESSAGE, --file, --bytes, --replies, --no-reply and --json"
            )
        }
        if reconnect,
            !messages.isEmpty || !files.isEmpty || bytes || raw || replies != nil || noReply || timeout != nil
        {
            throw ValidationError(
                "--reconnect sends the text lines of standard input; leave out MESSAGE, --file, --bytes, --raw, --replies, "
                    + "--no-reply and --timeout")
        }
        if noReply, replies != nil {
            throw ValidationError("--replies and --no-reply exclude each other; leave out one")
        }
    }

    func work(in program: Program) async throws -> ExitStatus {
        let (name, origin) = try common.contextName(name)
        let phase = Latch<@Sendable () -> CallPhase>()
        if let timeout {
            program.limit(to: timeout.duration) {
                .overTime(timeout.duration, calling: name, phase.value?() ?? .awaitingBus)
            }
        }
        let input = try input()
        let bus = try await common.openBus()
        do {
            return try await call(name, origin: origin, input: input, on: bus, in: program, phase)
        } catch let error as Failure {
            throw await common.explained(
                error, calling: name, origin: origin, on: bus, asked: raw ? .stream : .messages,
                waits: caller.wait != nil || reconnect)
        }
    }

    private func call(
        _ name: String, origin: String, input: CallInput?, on bus: Bus, in program: Program,
        _ phase: Latch<@Sendable () -> CallPhase>
    ) async throws -> ExitStatus {
        if reconnect, case .lines(let input, let form)? = input {
            let connections = bus.connections(
                to: name, origin: origin,
                options: ConnectOptions(
                    wait: caller.wait == nil ? .untilAvailable(for: .seconds(10)) : caller.policy,
                    expected: caller.expect))
            let call = ReconnectingCall(
                connections: connections, name: name, input: input, form: form, report: program.report)
            program.atEnd { _ in await call.end() }
            return try await call.run { program.fail($0) }
        }
        let options = ConnectOptions(wait: caller.policy, expected: caller.expect)
        guard let input else {
            let call = RawCall(name: name) { try await bus.openStream(to: name, origin: origin, options: options) }
            phase.set { call.phase }
            return try await call.run(in: program)
        }
        let port = bus.connectTo(name, origin: origin, options: options)
        let call = Conversation(
            port: port, name: name, input: input, report: program.report,
            goal: noReply ? .delivery : replies.map { .replies($0) } ?? .close)
        phase.set { call.phase }
        program.atEnd { status in
            await call.end(status == .timedOut ? .outOfTime : .cancelledHere)
        }
        return try await call.run { program.fail($0) }
    }

    /// Nil with `--raw`.
    private func input() throws -> CallInput? {
        if raw { return nil }
        if bytes { return .whole(try StandardInput()) }
        if messages.isEmpty, files.isEmpty {
            return .lines(try StandardInput(), InputForm(asJSON: asJSON, objects: output.json))
        }
        // All files and messages are checked before the first is sent.
        let named = try files.map { path throws(Failure) in try NamedFile(path) }
        let contents = try messages.enumerated().map { index, message throws(Failure) in
            try content(ArgumentBytes.bytes(of: message), number: index + 1)
        }
        return .messages(contents.map { .message($0) } + named.map { .file($0) })
    }

    private func content(_ message: [UInt8], number: Int) throws(Failure) -> MessageContent {
        guard asJSON else { return MessageContent(line: message) }
        do throws(Failure) {
            return try MessageContent(json: message)
        } catch {
            throw Failure(error.status, "MESSAGE \(number) was not sent, nor any other message: \(error.message ?? "")")
        }
    }
}
