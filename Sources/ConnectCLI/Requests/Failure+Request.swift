import ConnectTo
import ConnectToMessaging

/// What the errors of requests mean for the command: an exit status, and what to do next.
extension Failure {
    init(_ error: CallError, _ line: RequestLine) {
        let (name, type) = (TerminalText.escaped(line.name), TerminalText.escaped(line.type))
        switch error.code {
        case .lineEnded where error.reason != nil:
            self =
                error.reason.flatMap { Failure($0, peer: line.name) }
                ?? Failure(
                    .inputOutput,
                    "\(name) closed the line before it answered \(type), and may have done what was asked; look at the listener"
                )
        // Said by the hub, of its line to the peer.
        case .lineEnded where line.peer != nil:
            let peer = TerminalText.escaped(line.peer ?? "")
            self.init(
                .inputOutput,
                "\(name): the peer \"\(peer)\" ended its line before it answered \(type), and may have done what was asked; look at that program"
            )
        // The other program may say it first.
        case .timedOut:
            self = .unanswered(line, isSent: error.stage != .waiting)
        case .notEncodable, .queueFull:
            self.init(.unsendable, "\(type) was not sent: \(error.message)")
        default:
            let status = Self.status(of: error.code)
            let advice = Self.advice(error.code).map { "; \($0)" } ?? ""
            self.init(status, "\(name): \(error.message) (\(error.code.rawValue))\(advice)")
        }
    }

    /// The other program has not answered in time.
    /// - Parameter isSent: whether it has got the request.
    static func unanswered(_ line: RequestLine, isSent: Bool) -> Failure {
        let (name, type) = (TerminalText.escaped(line.name), TerminalText.escaped(line.type))
        let time = "within \(line.limit.inSeconds) s"
        return Failure(
            .timedOut,
            isSent
                ? "\(name) has not answered \(type) \(time); look at what it does, or allow more time (--timeout)"
                : "\(name) has not taken \(type) \(time), as it has as many requests under way as it takes; allow more time (--timeout)"
        )
    }

    /// The exit status for what the other program says of a request.
    private static func status(of code: CallError.Code) -> ExitStatus {
        switch code.rawValue {
        case "refused": .refused
        case "unknown-peer": .noSuchName
        default: .requestFailed
        }
    }

    private static func advice(_ code: CallError.Code) -> String? {
        switch code {
        case .unknownType: "check the spelling of TYPE"
        case .manyAnswers: "ask with connect call --more"
        case .invalidPayload: "see --as-json and --bytes"
        default: nil
        }
    }
}
