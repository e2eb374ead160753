/// Where what is posted comes from.
enum CallInput: Sendable {
    case messages([Item])
    case lines(StandardInput, InputForm)
    /// All of it in one message.
    case whole(StandardInput)

    var standard: StandardInput? {
        switch self {
        case .messages: nil
        case .lines(let input, _), .whole(let input): input
        }
    }

    enum Item: Sendable {
        case payload(Payload)
        case file(NamedFile)
    }
}
