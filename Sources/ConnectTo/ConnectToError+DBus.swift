import ConnectToDBus
import ConnectToLinux
import ConnectToPorts

extension ConnectToError {
    /// The error with which the bus, or the connection to it, answered an operation.
    init(_ error: DBusError, _ operation: String) {
        let (code, advice): (Code, String) =
            switch error.name {
            case DBusError.Name.disconnected:
                (.busLost, "try again when it is back, or open it again where it is lost (Bus.status)")
            case DBusError.Name.timeout, DBusError.Name.noReply: (.timedOut, "try again")
            case DBusError.Name.accessDenied: (.denied, "ask for a rule in the bus's policy")
            case DBusError.Name.limitsExceeded:
                (.limitsExceeded, "register fewer names, or raise the limits in the bus's configuration")
            // A bus does not answer calls to itself with this: a proxy does.
            case DBusError.Name.serviceUnknown:
                (.denied, "a sandbox's D-Bus proxy does not allow it: ask for permission to own the name")
            default: error.kind == .cancelled ? (.cancelled, "") : (.busError, "see the bus's own message")
            }
        self.init(
            code, "\(operation): \(error)" + (advice.isEmpty ? "" : "; \(advice)"), cause: error)
    }

    /// Why a bus could not be opened. The error's message names the address.
    init(opening error: DBusError) {
        switch error.kind {
        case .exhausted:
            self.init(.outOfResources, "\(error.message); \(PortError.scarcityAdvice)", cause: error)
        // The message says itself what is wrong with the address.
        case .invalid: self.init(.busUnreachable, error.message, cause: error)
        case _ where error.name == DBusError.Name.authenticationFailed:
            self.init(.busUnreachable, "\(error.message); \(UserNamespace.advice)", cause: error)
        default:
            self.init(
                .busUnreachable, "\(error.message); is the bus running, and is its address right?", cause: error)
        }
    }

    /// A resource that a port or a loop needs is not available.
    init(_ error: PortError) {
        self.init(.outOfResources, error.message, cause: error)
    }
}
