import ConnectTo
import ConnectToLinux

/// The one place that turns the library's errors into an exit status and a text line for people.
extension Failure {
    init(_ error: any Error) {
        switch error {
        case let error as Failure: self = error
        case let error as ConnectToError: self.init(error)
        case let error as PortError: self.init(error)
        case let error as SystemError where error.operation == "pthread_create":
            self = .outOfResources("cannot start", error)
        default: self.init(.inputOutput, "\(error)")
        }
    }

    init(_ error: ConnectToError) {
        let status: ExitStatus =
            switch error.code {
            case .invalidName, .invalidLimit: .usage
            case .invalidMetadata: .unsendable
            case .nameTaken: .nameTaken
            case .timedOut: .timedOut
            case .busy: .busy
            case .denied: .refused
            case .outOfResources: .inputOutput
            default: .busUnavailable
            }
        let option = error.code == .nameTaken ? " (--standby)" : ""
        self.init(status, error.message + option, cause: .error(error.code))
    }

    /// A message could not be posted, for another reason than the end of the port.
    init(_ error: PortError) {
        switch error.code {
        case .messageTooLarge, .notEncodable: self.init(.unsendable, error.message)
        default: self.init(.inputOutput, error.message)
        }
    }

    /// This process has reached a limit of descriptors, memory or threads.
    /// - Parameter what: what cannot be done now.
    static func outOfResources(_ what: String, _ error: any Error) -> Failure {
        let cause = (error as? PortError)?.cause ?? error
        return Failure(.inputOutput, "\(what): \(cause); \(scarcityAdvice)")
    }

    static let scarcityAdvice =
        "close what is not needed, or raise the limits of open files (ulimit -n) or of processes and threads (ulimit -u)"

    /// The failure that the end of a port means for a program with only one port; `nil` if the port ended in order.
    init?(_ reason: CloseReason, peer name: String) {
        guard let (status, message) = Self.outcome(of: reason, peer: name) else { return nil }
        self.init(status, message, cause: .end(reason.code))
    }

    private static func outcome(of reason: CloseReason, peer name: String) -> (ExitStatus, String)? {
        let detail = reason.detail
        // Reasons from the introduction begin with the name already.
        let named =
            detail.hasPrefix(name.debugDescription) ? detail : "\(TerminalText.escaped(name)): \(detail)"
        switch reason.code {
        case .closed: return nil
        case .unavailable: return (.noSuchName, "\(detail) (--wait SECONDS waits for the name)")
        case .invalid: return (.usage, detail)
        // The detail is a sentence of the listener's or of the bus's, and says itself what to do.
        case .refused: return (.refused, detail)
        case .unexpectedOwner: return (.refused, "\(detail); nothing was sent; connect info shows the owner")
        case .timedOut: return (.timedOut, detail)
        case .busy: return (.busy, "\(detail); try again later")
        case .busLost: return (.busUnavailable, "\(detail); try again when the bus is back")
        case .peerExited: return (.peerFailed, "\(named); see why it ended, then try again")
        case .startFailed: return (.peerFailed, "\(named); see why it did not start, then try again")
        case .protocolError: return (.peerFailed, "\(named); check that it speaks version 1 of the protocol")
        case .outOfResources: return (.inputOutput, "\(detail); \(scarcityAdvice)")
        default: return (.inputOutput, "\(named); try again")
        }
    }

    /// The peer closed in order, but had not taken everything.
    /// - Parameters:
    ///   - undelivered: how many of the messages that were sent the peer had not taken.
    ///   - hasRest: whether there was input that was not sent at all.
    static func untaken(by name: String, undelivered: Int, hasRest: Bool) -> Failure {
        let last = undelivered == 1 ? "the last message" : "the last \(undelivered) messages"
        let what =
            switch (undelivered, hasRest) {
            case (0, _): "closed the port before all of the input was sent"
            case (_, false): "closed the port and did not take \(last) sent to it"
            case (_, true):
                "closed the port and did not take \(last) sent to it, nor the rest of the input"
            }
        return untaken(by: name, what)
    }

    /// The same for a stream, which cannot tell how many of the bytes that were sent the peer has taken.
    static func untaken(by name: String) -> Failure {
        untaken(by: name, "closed the line before it had taken all of the input")
    }

    private static func untaken(by name: String, _ what: String) -> Failure {
        Failure(.inputOutput, "\(TerminalText.escaped(name)) \(what); send what is missing again if it matters")
    }

    /// Why callers can no longer find a listener's name.
    init(endOf context: Context) {
        let name = TerminalText.escaped(context.name)
        switch context.endReason {
        case .busLost:
            self.init(
                .busUnavailable, "the bus is gone, and with it the name \(name); listen again when the bus is back")
        case .nameLost:
            self.init(.nameTaken, "the bus gave the name \(name) to another process; connect list shows which")
        case .replaced:
            self.init(.nameTaken, "another listener has taken over the name \(name); connect list shows which")
        case .nameRefused:
            self.init(
                .refused,
                "the bus is back, but refuses the name \(name) now; check the bus's policy and limits")
        // This process unregistered the name itself, because it is about to exit.
        default: self.init(.success, nil)
        }
    }
}
