/// How lines become messages.
enum InputForm: Sendable {
    /// As they are.
    case plain
    /// With `--json`: objects that say what to post, and other lines as they are.
    case objects
    /// With `--as-json`: each is JSON, and posted as that.
    case json

    init(asJSON: Bool, objects: Bool) {
        self = asJSON ? .json : objects ? .objects : .plain
    }

    /// - Throws: ``Failure`` 65, which says what is wrong and what to write; not in which line.
    func read(_ line: [UInt8]) throws(Failure) -> InputLine {
        switch self {
        case .plain: InputLine(.post(Payload(line: line)))
        case .objects: try InputLine(object: line)
        case .json: InputLine(.post(try Payload(json: line)))
        }
    }

    /// What the line says, where there is one port only.
    /// - Throws: ``Failure`` 65.
    func read(_ line: [UInt8], number: Int) throws(Failure) -> Payload {
        do throws(Failure) { return try read(line).payload } catch { throw error.ofLine(number) }
    }
}

extension Failure {
    /// The same, with the line of the input that it is of.
    func ofLine(_ number: Int) -> Failure {
        Failure(status, "line \(number) of the input was not sent: \(message ?? "")")
    }
}
