import ArgumentParser
import ConnectTo

struct To: ProgramCommand {
    static let configuration = CommandConfiguration(
        abstract: "Connect to a name, and talk to it.",
        discussion: """
            Posts each MESSAGE, or else each line of standard input; prints what comes back; ends its side when \
            its input ends, and exits when the peer closes. With --json, standard output carries \
            {"event":"message"|"close"|"error",…}.
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

    @Option(help: ArgumentHelp("Exit after so many messages have come back.", valueName: "n"))
    var replies: Int?

    @Flag(help: "Exit as soon as all is delivered; what comes back is not read.")
    var noReply = false

    @Option(help: ArgumentHelp("Exit with 75 if the whole call takes longer.", valueName: "seconds"))
    var timeout: Seconds?

    func validate() throws {
        if let replies, replies < 1 {
            throw ValidationError("--replies takes a number from 1 on; use --no-reply to wait for none")
        }
        if noReply, replies != nil { throw ValidationError("--replies and --no-reply exclude each other") }
    }

    func work(in program: Program) async throws -> ExitStatus {
        if let timeout { program.limit(to: timeout.duration) }
        let (name, origin) = try common.contextName(name)
        let input = messages.isEmpty ? try StandardInput() : nil
        let bus = try await common.openBus()
        let port = bus.connectTo(
            name, origin: origin, wait: wait.map { .untilAvailable(for: $0.duration) } ?? .now)
        program.atEnd {
            port.close()
            await port.flush()
        }
        let source: CallInput =
            input.map { .lines($0) }
            ?? .messages(
                messages.map {
                    Payload(line: ArgumentBytes.bytes(of: $0))
                })
        let call = Call(
            port: port, name: name, input: source, report: program.report,
            goal: noReply ? .delivery : replies.map { .replies($0) } ?? .close)
        return try await call.run { program.fail($0) }
    }
}
