import ConnectTo

/// The one place where what the library reports becomes an exit status and a line for a person.
extension Failure {
    init(_ error: any Error) {
        switch error {
        case let error as Failure: self = error
        case let error as ConnectToError: self.init(error)
        case let error as PortError: self.init(error)
        default: self.init(.inputOutput, "\(error)")
        }
    }

    init(_ error: ConnectToError) {
        switch error.code {
        case .invalidName: self.init(.usage, error.message)
        case .invalidMetadata: self.init(.unsendable, error.message)
        case .nameTaken: self.init(.nameTaken, Self.taken(by: error.holder, error.message))
        case .denied: self.init(.refused, error.message)
        default: self.init(.busUnavailable, error.message)
        }
    }

    private static func taken(by holder: Peer?, _ message: String) -> String {
        guard let pid = holder?.pid else { return message }
        let process = holder?.processName.map { " (\(TerminalText.escaped($0)))" } ?? ""
        return "\(message); it belongs to process \(pid)\(process): end that one, or choose another name"
    }

    /// A message could not be posted, for another reason than that the port has ended.
    init(_ error: PortError) {
        switch error.code {
        case .messageTooLarge, .encoding: self.init(.unsendable, error.message)
        default: self.init(.inputOutput, error.message)
        }
    }

    /// A port ended: the failure it means for whoever had one port to talk over, or `nil` if that is an
    /// end as it should be.
    init?(_ reason: CloseReason, peer name: String) {
        let name = TerminalText.escaped(name)
        let detail = TerminalText.escaped(reason.detail)
        switch reason.code {
        case .closed: return nil
        case .peerExited:
            self.init(
                .peerFailed,
                "\(name) died before it closed the line; look at its own messages, then try again")
        case .protocolError:
            self.init(.peerFailed, "\(name) broke the protocol (\(detail)); check its version")
        case .refused: self.init(.refused, "\(name) refused (\(detail)); ask whoever runs it to admit you")
        case .unavailable:
            self.init(
                .noSuchName, "there is no context \(name) (\(detail)); start it, or wait for it with --wait")
        case .timedOut:
            self.init(.timedOut, "\(name) did not answer in time (\(detail)); try again, or look at the peer")
        case .busLost:
            self.init(
                .busUnavailable,
                "the bus went away before \(name) answered (\(detail)); try again when it is back")
        default: self.init(.inputOutput, "the line to \(name) ended: \(detail)")
        }
    }

    /// The peer closed in order, but left something.
    static func untaken(by name: String, undelivered: Int) -> Failure {
        let what = undelivered > 0 ? "\(undelivered) of the messages" : "all input"
        let verb = undelivered > 0 ? "without taking" : "before taking"
        return Failure(
            .inputOutput,
            "\(TerminalText.escaped(name)) closed \(verb) \(what); send the rest again if it matters")
    }
}
