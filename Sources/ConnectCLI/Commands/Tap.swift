import ArgumentParser
import ConnectTo

struct Tap: BusCommand {
    static let configuration = CommandConfiguration(
        commandName: "tap",
        abstract: "Show the messages of a listener that allows it.",
        discussion: """
            Shows the messages of a listener of this user that was started with --tappable, from the moment that \
            standard error says "tapping": the number of the port, < for a message that the listener receives or > for \
            one that it sends, and at most 64 KiB of the message. Of a listener of calls it shows each message in \
            words: "request 7 status, 5000 ms, json: {}". It delays neither side: a slow reader misses \
            messages, and standard error says how many. With --json: {"event":"message","port":1,\
            "direction":"received"|"sent",…,"length":…,"transferred":…,"missed":…}; of calls, the member "call" says \
            what the message is.
            """)

    static let readerLoss = ReaderLoss.end

    @OptionGroup var common: CommonOptions

    @Argument(help: "The name of the listener.")
    var name: String

    func work(in program: Program) async throws -> ExitStatus {
        let (name, origin) = try common.contextName(name)
        let bus = try await common.openBus()
        let label = TerminalText.escaped(name)
        guard let info = try await bus.info(name, origin: origin) else {
            throw await common.missing(name, origin, on: bus)
        }
        let tapped: TappedMessages
        do throws(ConnectToError) {
            tapped = try await bus.tap(name, origin: origin)
        } catch {
            throw Self.failure(error, info)
        }
        program.atEnd { _ in tapped.close() }
        await program.report.note("tapping \(label)")
        var messages = tapped.makeAsyncIterator()
        while let message = try await Self.next(of: &messages, name) {
            if message.missedCount > 0 {
                await program.report.note(
                    "\(message.missedCount) messages were missed: they came faster than they were read")
            }
            let line = TappedLine(message, format: info.format)
            try await program.report.textLine(program.report.isJSON ? line.object.bytes : line.text)
        }
        if !program.isEnding { await program.report.note("the listener \(label) has ended") }
        return .success
    }

    /// The failure of a tap. If the listener refused it, the message says how the listener has to be started.
    private static func failure(_ error: ConnectToError, _ info: ContextInfo) -> Failure {
        guard error.code == .denied, info.statistics?.isTappable == false else { return Failure(error) }
        let advice =
            info.format == .stream
            ? "the listener was started with --raw and has no messages to show"
            : "start the listener with --tappable"
        return Failure(.refused, "\(error.message); \(advice)")
    }

    /// Nil when the listener has ended.
    private static func next(
        of messages: inout TappedMessages.AsyncIterator, _ name: String
    ) async throws(Failure) -> TappedMessage? {
        do {
            return try await messages.next()
        } catch let error as PortError {
            throw error.reason.flatMap { Failure($0, peer: name) } ?? Failure(error)
        } catch { throw Failure(error) }
    }
}
