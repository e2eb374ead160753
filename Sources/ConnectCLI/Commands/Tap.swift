import ArgumentParser
import ConnectTo

struct Tap: ProgramCommand {
    static let configuration = CommandConfiguration(
        commandName: "tap",
        abstract: "Look on at the messages of a name that allows it.",
        discussion: """
            Shows what goes over the lines of a listener of this user that was started with --tappable, from the \
            moment standard error says "looking on": the line's number, < for what the listener receives and > for \
            what it sends, and the message, 64 KiB of it at most. Holds up nobody: a slow reader misses messages, \
            and is told how many. With --json: {"event":"message","port":1,"direction":"received"|"sent",…,\
            "length":…,"transferred":…,"missed":…}.
            """)

    static let readerLoss = ReaderLoss.end

    @OptionGroup var common: CommonOptions

    @Argument(help: "The name to look on at.")
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
        await program.report.note("looking on at \(label)")
        var messages = tapped.makeAsyncIterator()
        while let message = try await Self.next(of: &messages, name) {
            if message.missedCount > 0 { await program.report.note("\(message.missedCount) messages were missed here") }
            if program.report.isJSON {
                try await program.report.textLine(Event.tapped(message).bytes)
            } else {
                try await program.report.textLine(Self.textLine(message))
            }
        }
        if !program.isEnding { await program.report.note("\(label) has ended") }
        return .success
    }

    /// The failure of a tap. If the listener refused it, the message says how the listener has to be started.
    private static func failure(_ error: ConnectToError, _ info: ContextInfo) -> Failure {
        guard error.code == .denied, info.statistics?.isTappable == false else { return Failure(error) }
        let advice =
            info.format == .stream
            ? "it was started with --raw, and there are no messages to look on at"
            : "it has to be started with --tappable"
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

    private static func textLine(_ message: TappedMessage) -> [UInt8] {
        let mark = message.direction == .received ? "<" : ">"
        var line = Array("\(message.line) \(mark) ".utf8) + message.payload
        if message.length > message.payload.count { line += " … (\(message.length) bytes)".utf8 }
        if message.transferredCount > 0 { line += " (and \(message.transferredCount) transferred)".utf8 }
        return line
    }
}
