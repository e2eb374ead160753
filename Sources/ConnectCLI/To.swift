import ArgumentParser
import ConnectTo

struct To: ProgramCommand {
    static let configuration = CommandConfiguration(
        abstract: "Connect to a name, and talk to it.",
        discussion: """
            Posts each MESSAGE, or else each line of standard input; prints what comes back; ends its side when \
            its input ends, and exits when the peer closes. With --json, standard output carries \
            {"event":"message"|"close"|"error",…}.

            With --raw there are no messages: standard input and output are the line, byte for byte, as ssh's \
            ProxyCommand wants it. The other side has to listen with --raw too.
            """)

    @OptionGroup var common: CommonOptions

    @Argument(help: "The name to connect to.")
    var name: String

    @Argument(help: "What to post, in place of standard input.")
    var messages: [String] = []

    @Option(
        help: ArgumentHelp(
            "Wait for the name to appear; without this a missing name fails at once.", valueName: "seconds"))
    var wait: Seconds?

    @Option(
        help: ArgumentHelp(
            "Talk to nobody else than this: whoever bears the name is looked at before anything is sent.",
            discussion: "\(PeerRule.help) An unexpected owner of the name is 77.", valueName: "rule"),
        transform: PeerRule.parse)
    var expect: Admission?

    @Option(help: ArgumentHelp("Exit after so many messages have come back.", valueName: "n"))
    var replies: Int?

    @Flag(help: "Exit as soon as all is delivered; what comes back is not read.")
    var noReply = false

    @Flag(help: "Send standard input as one message of bytes, up to 64 MiB.")
    var bytes = false

    @Option(
        name: .customLong("file"), parsing: .upToNextOption,
        help: ArgumentHelp(
            "Pass open files, each with a message that is its base name; after MESSAGE, in place of standard input.",
            valueName: "path"))
    var files: [String] = []

    @Flag(help: "Carry bytes in place of messages; exits when the peer has closed.")
    var raw = false

    @Option(help: ArgumentHelp("Exit with 75 if the whole call takes longer.", valueName: "seconds"))
    var timeout: Seconds?

    func validate() throws {
        if let replies, replies < 1 {
            throw ValidationError("--replies takes a number from 1 on; use --no-reply to wait for none")
        }
        if bytes, !messages.isEmpty || !files.isEmpty {
            throw ValidationError("--bytes sends standard input: give no messages or files beside it")
        }
        if raw, !messages.isEmpty || !files.isEmpty || bytes || replies != nil || noReply || common.json {
            throw ValidationError(
                "--raw carries bytes: no messages, --file, --bytes, --replies, --no-reply or --json beside it"
            )
        }
        if noReply, replies != nil { throw ValidationError("--replies and --no-reply exclude each other") }
    }

    func work(in program: Program) async throws -> ExitStatus {
        if let timeout { program.limit(to: timeout.duration) }
        let (name, origin) = try common.contextName(name)
        let input = try input()
        let bus = try await common.openBus()
        let port = bus.connectTo(
            name, origin: origin, wait: wait.map { .untilAvailable(for: $0.duration) } ?? .now,
            format: raw ? .stream : .messages, expecting: expect)
        program.atEnd {
            // Nothing that was posted to somebody who is not there is worth waiting for.
            let isOpen = port.isOpen
            port.close()
            if isOpen { await port.flush() }
        }
        guard let input else { return try await RawCall(port: port, name: name).run(in: program) }
        let call = Call(
            port: port, name: name, input: input, report: program.report,
            goal: noReply ? .delivery : replies.map { .replies($0) } ?? .close)
        return try await call.run { program.fail($0) }
    }

    /// Nil with `--raw`.
    private func input() throws -> CallInput? {
        if raw { return nil }
        if bytes { return .whole(try StandardInput()) }
        if messages.isEmpty, files.isEmpty { return .lines(try StandardInput()) }
        // All are looked at before the first is sent.
        let named = try files.map { path throws(Failure) in try NamedFile(path) }
        return .messages(
            messages.map { .payload(Payload(line: ArgumentBytes.bytes(of: $0))) } + named.map { .file($0) })
    }
}
