/// Where the messages to post come from.
enum CallInput: Sendable {
    case messages([Item])
    case lines(StandardInput, InputForm)
    /// All of standard input, in one message.
    case whole(StandardInput)

    var standard: StandardInput? {
        switch self {
        case .messages: nil
        case .lines(let input, _), .whole(let input): input
        }
    }

    enum Item: Sendable {
        case message(MessageContent)
        case file(NamedFile)
    }
}
