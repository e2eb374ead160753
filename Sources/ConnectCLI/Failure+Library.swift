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
        case .nameTaken: self.init(.nameTaken, error.message)
        case .timedOut: self.init(.timedOut, error.message)
        case .denied: self.init(.refused, error.message)
        default: self.init(.busUnavailable, error.message)
        }
    }

    /// A message could not be posted, for another reason than that the port has ended.
    init(_ error: PortError) {
        switch error.code {
        case .messageTooLarge, .notEncodable: self.init(.unsendable, error.message)
        default: self.init(.inputOutput, error.message)
        }
    }

    /// A port ended: the failure it means for whoever had one port to talk over, or `nil` if that is an
    /// end as it should be.
    init?(_ reason: CloseReason, peer name: String) {
        let peer = TerminalText.escaped(name)
        let detail = reason.detail
        switch reason.code {
        case .closed: return nil
        case .unavailable: self.init(.noSuchName, "\(detail) (--wait SECONDS waits for it)")
        case .refused: self.init(.refused, "\(detail); ask whoever runs it, or call it otherwise")
        case .unexpectedOwner: self.init(.refused, "\(detail); find out who that is, and nothing was sent")
        case .timedOut: self.init(.timedOut, "\(detail) (try again, or allow more time)")
        case .busLost: self.init(.busUnavailable, "\(detail); try again when it is back")
        case .peerExited: self.init(.peerFailed, "\(peer): \(detail); see why, then try again")
        case .protocolError: self.init(.peerFailed, "\(peer): \(detail); check that it speaks version 1")
        default: self.init(.inputOutput, "\(peer): \(detail); try again")
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
