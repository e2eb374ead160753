import ConnectTo

/// What goes along with a request or event: a payload, if any, and open files.
struct RequestPayload: Sendable {
    private enum Source: Sendable {
        case none
        case given(MessageContent)
        case input(StandardInput)
    }

    private let source: Source
    private let form: PayloadForm
    private let files: [NamedFile]

    /// Checks everything that can be checked before anything is sent.
    /// - Parameter argument: the payload; `-` stands for standard input.
    /// - Throws: ``Failure``: 65 if it cannot be sent, 74 if standard input cannot be read.
    init(_ argument: String?, _ options: RequestOptions) throws {
        form = options.form
        files = try options.files.map { path throws(Failure) in try NamedFile(path) }
        switch argument {
        case nil: source = .none
        case "-": source = .input(try StandardInput(limit: PayloadForm.limit))
        case let argument?:
            let bytes = ArgumentBytes.bytes(of: argument)
            // Of an argument every byte counts, a newline at its end too.
            let line = form == .bytes ? bytes : bytes + [0x0A]
            source = .given(try Self.content(line, as: form, of: "PAYLOAD"))
        }
    }

    /// Reads standard input, if that is the payload, and opens the files.
    /// - Returns: nil where there is nothing to send along.
    /// - Throws: ``Failure``; 65 if something cannot be sent.
    func outgoing() async throws(Failure) -> OutgoingMessage? {
        var content: MessageContent?
        switch source {
        case .none: break
        case .given(let given): content = given
        case .input(let input):
            input.gate.open()
            guard let bytes = try await input.everything() else { return nil }
            content = try Self.content(bytes, as: form, of: "standard input")
        }
        if files.isEmpty { return content?.message }
        var open: [Transferable] = []
        for file in files { open.append(.file(try await file.open())) }
        var message = (content ?? names).message
        message.transfer = open
        return message
    }

    /// The base names of the files, a text line each.
    private var names: MessageContent {
        var lines: [UInt8] = []
        for file in files {
            if !lines.isEmpty { lines.append(0x0A) }
            switch file.name {
            case .text(let name), .json(let name): lines += name.utf8
            case .bytes(let name): lines += name
            }
        }
        return MessageContent(line: lines)
    }

    private static func content(
        _ bytes: [UInt8], as form: PayloadForm, of label: String
    ) throws(Failure) -> MessageContent {
        do throws(Failure) {
            return try form.content(bytes)
        } catch {
            throw Failure(error.status, "\(label) was not sent: \(error.message ?? "")")
        }
    }
}
