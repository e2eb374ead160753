/// How text lines become messages.
enum InputForm: Sendable {
    /// Each text line is posted unchanged.
    case plain
    /// With `--json`: a JSON object says what to post; any other text line is posted unchanged.
    case objects
    /// With `--as-json`: each text line is JSON, and is posted as JSON.
    case json

    init(asJSON: Bool, objects: Bool) {
        self = asJSON ? .json : objects ? .objects : .plain
    }

    /// - Throws: ``Failure`` 65, which says what is wrong and what to write instead, but not in which text line.
    func read(_ line: [UInt8]) throws(Failure) -> InputCommand {
        switch self {
        case .plain: InputCommand(.post(MessageContent(line: line)))
        case .objects: try InputCommand(object: line)
        case .json: InputCommand(.post(try MessageContent(json: line)))
        }
    }

    /// The message to post for a text line, for a program with only one port.
    /// - Throws: ``Failure`` 65.
    func read(_ line: [UInt8], number: Int) throws(Failure) -> MessageContent {
        do throws(Failure) { return try read(line).content } catch { throw error.ofTextLine(number) }
    }
}

extension Failure {
    /// The same failure, with the number of the text line of the input.
    func ofTextLine(_ number: Int) -> Failure {
        Failure(status, "line \(number) of standard input was not sent: \(message ?? "")")
    }
}
