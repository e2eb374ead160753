import ConnectTo
import ConnectToLinux
import SystemPackage

/// What the command says: messages and events on standard output, notes and errors on standard error.
///
/// Plain, standard output carries messages alone, a line each. With `--json` it carries one object a line,
/// for everything that happens.
struct Report: Sendable {
    let output: OutputStream
    let errors: OutputStream
    let isJSON: Bool
    let isQuiet: Bool

    /// A line on standard output.
    /// - Throws: ``Failure`` 74.
    func line(_ text: String) async throws(Failure) {
        try await line(Array(text.utf8))
    }

    func line(_ bytes: [UInt8]) async throws(Failure) {
        do throws(SystemError) {
            try await output.writeLine(bytes)
        } catch { throw Self.failure(of: error) }
    }

    /// An event, with `--json`.
    func event(_ object: @autoclosure () -> JSONObject) async throws(Failure) {
        if isJSON { try await line(object().bytes) }
    }

    /// The end of a port, which is nothing to a reader who has gone before.
    func close(port: Int, reason: CloseReason) async throws(Failure) {
        if output.readerGone.value == nil { try await event(Event.close(port: port, reason: reason)) }
    }

    /// A message from a peer, with the files that came along: plain, a line for each of those in its place.
    func message(_ message: Message, files: [FileFacts] = [], from port: Int) async throws(Failure) {
        if isJSON {
            let event = MessageEvent(message, files: files, port: port)
            // Not for as long as nobody reads this.
            for thing in message.transferred { thing.letGo() }
            return try await line(event)
        }
        await noteUnseen(message.transferred.filter { $0.kind != .file }, port: port)
        for thing in message.transferred { thing.letGo() }
        if !files.isEmpty {
            for file in files where file.isSaved != false { try await line(file.line) }
            return
        }
        try await line(MessageBytes(message))
    }

    private func line(_ pieces: some IteratorProtocol<[UInt8]> & Sendable) async throws(Failure) {
        do throws(SystemError) {
            try await output.writeLine(pieces)
        } catch { throw Self.failure(of: error) }
    }

    /// What came along with a message and is of no use here. It is let go.
    func noteUnseen(_ things: [Transferable], port: Int) async {
        if things.isEmpty { return }
        for thing in things { thing.letGo() }
        let ports = things.count { $0.kind == .port }
        let files = things.count { $0.kind == .file }
        let counts = [(ports, "port"), (files, "file"), (things.count - ports - files, "buffer")]
        let list = counts.filter { $0.0 > 0 }.map { count, word in "\(count) \(word)\(count == 1 ? "" : "s")" }
        await note("port \(port): closed unseen, since it came along with a message: \(list.joined(separator: ", "))")
    }

    /// A remark for people on standard error, unless `--quiet`.
    func note(_ text: String) async {
        if isQuiet { return }
        // Nobody reads standard error: nothing is lost, and nothing can be said about it either.
        try? await errors.writeLine(Array(text.utf8))
    }

    /// One line on standard error, and the event where there are events.
    func failure(_ failure: Failure) async {
        guard let message = failure.message else { return }
        // The line first: the event waits for whoever reads standard output.
        let line = Array("connect: \(TerminalText.escapedOnce(message))".utf8)
        do throws(SystemError) {
            try await errors.writeLine(line)
        } catch {
            // Too few descriptors or threads, which may be what failed; or nobody reads it, then nobody will here.
            try? errors.writeAtOnce(line + [0x0A])
        }
        try? await event(Event.error(failure.status, message))
    }

    /// Takes what reporting needs now, while it is there.
    func prepare() throws(SystemError) {
        try output.prepare()
        try errors.prepare()
    }

    /// - Throws: ``Failure`` if standard output could not take everything.
    func flush() async throws(Failure) {
        try? await errors.flush()
        do throws(SystemError) {
            try await output.flush()
        } catch { throw Self.failure(of: error) }
    }

    /// What it means that standard output could not be written.
    static func failure(of error: SystemError) -> Failure {
        if error.errno == .brokenPipe { return .readerGone }
        return Failure(
            .inputOutput, "standard output cannot be written (\(error)); check what it is redirected to")
    }
}
