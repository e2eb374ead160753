import ArgumentParser
import ConnectTo
import ConnectToLinux

struct To: ProgramCommand {
    static let configuration = CommandConfiguration(
        commandName: "to",
        abstract: "Connect to a name, and talk to it.",
        discussion: """
            Posts each MESSAGE, or else each line of standard input; prints what comes back; ends its side when \
            its input ends, and exits when the peer closes: a listener that can still answer keeps it waiting \
            (--no-reply, --replies, --timeout). A MESSAGE or a name that begins with a dash comes \
            after two dashes: connect to NAME -- -1

            Where the reader of standard output goes, the rest of the input is sent, and then the call ended with 0; \
            with 74 only if something comes meanwhile that cannot be written.

            With --json, standard output carries {"event":"message"|"close"|"error",…}, and lines of standard input that \
            begin with { say what to post: {"text":…}, with "base64" or "json" in place of "text"; text with half a \
            surrogate pair is not sent (65).

            With --reconnect the call outlives its listener: when that dies, standard input goes on to whoever owns the \
            name next, within 10 seconds or those of --wait. Nothing is sent twice: standard error says how many \
            messages went to the one that died, the last of which may be lost, and so does \
            {"event":"interrupted","port":…,"reason":…,"mayBeLost":…}; then {"event":"reconnected","port":…}.

            With --raw there are no messages: standard input and output are the line, byte for byte, as ssh's \
            ProxyCommand wants it. The other side has to listen with --raw too.
            """)

    @OptionGroup var common: CommonOptions

    @Argument(help: "The name to connect to.")
    var name: String

    @Argument(help: "What to post, in place of standard input.")
    var messages: [String] = []

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Wait so long for the name to appear and its listener to answer; without this a missing name fails at once.",
            discussion:
                "Without it a listener has 5 seconds to answer. A bus that is not there is not waited for (69 at once).",
            valueName: "seconds"),
        transform: SecondsArgument.init)
    var wait: SecondsArgument?

    @Option(
        help: ArgumentHelp(
            "Talk to nobody else than this: whoever owns the name is looked at before anything is sent.",
            discussion: "\(PeerRule.discussion) An unexpected owner of the name is 77.", valueName: "rule"),
        transform: PeerRule.parse)
    var expect: Admission?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Exit after so many messages have come back.", valueName: "n"),
        transform: Self.count)
    var replies: Int?

    @Flag(help: "Exit as soon as all is delivered; what comes back is not read.")
    var noReply = false

    @Flag(
        name: .customLong("as-json"),
        help: "Post each MESSAGE, or each line of standard input, as JSON; what is not well-formed is told, with 65.")
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

    @Flag(help: "Carry bytes in place of messages; exits when the peer has closed.")
    var raw = false

    @Flag(help: "When the listener dies, go on with the next that owns the name.")
    var reconnect = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Exit with 75 if the whole call takes longer.", valueName: "seconds"),
        transform: SecondsArgument.init)
    var timeout: SecondsArgument?

    /// - Throws: `ValidationError`, which says what to write instead, if the argument is not a number of replies.
    private static func count(_ argument: String) throws -> Int {
        guard let count = Int(argument), count > 0 else {
            throw ValidationError("a number from 1 on is wanted; use --no-reply to wait for none")
        }
        return count
    }

    func validate() throws {
        if bytes, !messages.isEmpty || !files.isEmpty {
            throw ValidationError("--bytes sends standard input: give no messages or files beside it")
        }
        if asJSON, raw || bytes {
            throw ValidationError("--as-json posts lines or messages: no --raw or --bytes beside it")
        }
        if raw, !messages.isEmpty || !files.isEmpty || bytes || replies != nil || noReply || common.json {
            throw ValidationError(
                "--raw carries bytes: no messages, --file, --bytes, --replies, --no-reply or --json beside it"
            )
        }
        if reconnect,
            !messages.isEmpty || !files.isEmpty || bytes || raw || replies != nil || noReply || timeout != nil
        {
            throw ValidationError(
                "--reconnect carries the lines of standard input: no messages, --file, --bytes, --raw, --replies, "
                    + "--no-reply or --timeout beside it")
        }
        if noReply, replies != nil { throw ValidationError("--replies and --no-reply exclude each other") }
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
            throw await explained(error, calling: name, origin: origin, on: bus)
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
                    wait: wait == nil ? .untilAvailable(for: .seconds(10)) : waitPolicy, expected: expect))
            let call = ReconnectingCall(
                connections: connections, name: name, input: input, form: form, report: program.report)
            program.atEnd { _ in await call.end() }
            return try await call.run { program.fail($0) }
        }
        let options = ConnectOptions(wait: waitPolicy, expected: expect)
        guard let input else {
            let call = RawCall(name: name) { try await bus.openStream(to: name, origin: origin, options: options) }
            phase.set { call.phase }
            return try await call.run(in: program)
        }
        let port = bus.connectTo(name, origin: origin, options: options)
        let call = Call(
            port: port, name: name, input: input, report: program.report,
            goal: noReply ? .delivery : replies.map { .replies($0) } ?? .close)
        phase.set { call.phase }
        program.atEnd { status in
            await call.end(status == .timedOut ? .outOfTime : .cancelledHere)
        }
        return try await call.run { program.fail($0) }
    }

    private var waitPolicy: WaitPolicy {
        guard let wait, wait.duration > .zero else { return .now }
        return .untilAvailable(for: wait.duration)
    }

    /// Nil with `--raw`.
    private func input() throws -> CallInput? {
        if raw { return nil }
        if bytes { return .whole(try StandardInput()) }
        if messages.isEmpty, files.isEmpty {
            return .lines(try StandardInput(), InputForm(asJSON: asJSON, objects: common.json))
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
            throw Failure(error.status, "MESSAGE \(number) was not sent, nor was any other: \(error.message ?? "")")
        }
    }
}

extension CloseReason {
    fileprivate static let outOfTime = CloseReason(
        .timedOut, detail: "the time for the whole call was over before the port was open")
    fileprivate static let cancelledHere = CloseReason(
        .cancelled, detail: "the call was given up before the port was open")
}

extension Failure {
    /// The failure when the time limit for the whole call (`--timeout`) has passed.
    fileprivate static func overTime(
        _ time: Duration, calling name: String, _ phase: CallPhase
    ) -> Failure {
        let name = TerminalText.escaped(name)
        let advice =
            switch phase {
            case .awaitingBus: "the bus has not answered; see whether it is well, or allow more time"
            case .awaitingAnswer: "\(name) has not answered; see with connect list who is there, or allow more time"
            case .awaitingInput: "standard input has not ended; see why, or give it an end (</dev/null), or more time"
            case .awaitingPeer: "allow more time, or look at what \(name) does"
            }
        return Failure(.timedOut, "not done within \(time.inSeconds) s (--timeout): \(advice)")
    }
}
