import ConnectTo
import ConnectToLinux
import SystemPackage

/// All output of the command: messages and events on standard output, notes and errors on standard error.
///
/// Without `--json`, standard output has only messages, each as a text line. With `--json`, it has one object on a text
/// line for everything that happens.
struct Report: Sendable {
    let output: OutputStream
    let errors: OutputStream
    let isJSON: Bool
    let isQuiet: Bool

    /// Writes a text line to standard output.
    /// - Throws: ``Failure`` 74.
    func textLine(_ text: String) async throws(Failure) {
        try await textLine(Array(text.utf8))
    }

    func textLine(_ bytes: [UInt8]) async throws(Failure) {
        do throws(SystemError) {
            try await output.writeLine(bytes)
        } catch { throw Self.failure(of: error) }
    }

    /// Writes an event, with `--json` only.
    func event(_ object: @autoclosure () -> JSONObject) async throws(Failure) {
        if isJSON { try await textLine(object().bytes) }
    }

    /// Writes the close event of a port. If the reader of standard output has gone, the event is not needed.
    func close(port: Int, reason: CloseReason) async throws(Failure) {
        if output.readerGone.value == nil { try await event(Event.close(port: port, reason: reason)) }
    }

    /// Writes a message from a peer, with its files. Without `--json`, a text line for each file replaces the message.
    func message(_ message: Message, files: [FileFacts] = [], from port: Int) async throws(Failure) {
        if isJSON {
            let event = MessageEvent(message, files: files, port: port)
            // Close before writing, so that nothing stays open while the reader of standard output is slow.
            for thing in message.transferred { thing.close() }
            return try await textLine(event)
        }
        await closeUnseen(message.transferred.filter { $0.kind != .file }, port: port)
        for thing in message.transferred { thing.close() }
        if !files.isEmpty {
            for file in files where file.isSaved != false { try await textLine(file.textLine) }
            return
        }
        try await textLine(MessageBytes(message))
    }

    func textLine(
        _ pieces: some IteratorProtocol<[UInt8]> & Sendable, ending: [UInt8] = [0x0A]
    ) async throws(Failure) {
        do throws(SystemError) {
            try await output.writeLine(pieces, ending: ending)
        } catch { throw Self.failure(of: error) }
    }

    /// Reports what came with a message and cannot be used here, and closes it.
    func closeUnseen(_ things: [Transferable], port: Int) async {
        if things.isEmpty { return }
        for thing in things { thing.close() }
        await note(
            "port \(port): connect has closed what came with a message, as it cannot use it: \(things.inWords)")
    }

    /// Writes a note for people to standard error, unless `--quiet`.
    func note(_ text: String) async {
        if isQuiet { return }
        // An error means that standard error has no reader: nothing is lost, and there is no place to report it.
        try? await errors.writeLine(Array(text.utf8))
    }

    /// Writes an error as a text line to standard error, and with `--json` also as an event.
    func failure(_ failure: Failure) async {
        guard let message = failure.message else { return }
        // Write the text line first: the event may wait for a slow reader of standard output.
        let line = Array("connect: \(TerminalText.escapedOnce(message))".utf8)
        do throws(SystemError) {
            try await errors.writeLine(line)
        } catch {
            // There may be too few descriptors or threads, perhaps the very failure to report, so write without a
            // thread. If standard error has no reader, this fails too.
            try? errors.writeAtOnce(line + [0x0A])
        }
        try? await event(Event.error(failure.status, message))
    }

    /// Makes the threads and descriptors for reporting now, while there are some.
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

    /// The failure that a write error of standard output means.
    static func failure(of error: SystemError) -> Failure {
        if error.errno == .brokenPipe { return .readerGone }
        return Failure(
            .inputOutput, "standard output cannot be written (\(error)); check what it is redirected to")
    }
}

extension [Transferable] {
    /// How many there are of each kind.
    var inWords: String {
        let ports = count { $0.kind == .port }
        let files = count { $0.kind == .file }
        let counts = [(ports, "port"), (files, "file"), (count - ports - files, "buffer")]
        return counts.filter { $0.0 > 0 }.map { count, word in "\(count) \(word)\(count == 1 ? "" : "s")" }
            .joined(separator: ", ")
    }
}

extension Peer {
    /// The peer in messages to people: `process 42 (connect)`, or its connection if the process is not known.
    var label: String {
        pid.map { "process \($0)" + (processName.map { " (\($0))" } ?? "") } ?? "the connection \(busName)"
    }
}
