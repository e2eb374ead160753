import ConnectToDBus
import ConnectToLinux
import ConnectToPorts

extension ConnectToError {
    /// The error with which the bus, or the connection to it, answered an operation.
    init(_ error: DBusError, _ operation: String) {
        let (code, advice): (Code, String) =
            switch error.name {
            case DBusError.Name.disconnected:
                (.busLost, "try again when the bus is back, or open it again if Bus.status is lost")
            case DBusError.Name.timeout, DBusError.Name.noReply: (.timedOut, "try again")
            case DBusError.Name.accessDenied: (.denied, "allow it in the bus's policy")
            case DBusError.Name.limitsExceeded:
                (.limitsExceeded, "register fewer names, or raise the limits in the bus's configuration")
            // A bus does not answer calls to itself with this: a proxy does.
            case DBusError.Name.serviceUnknown:
                (
                    .denied,
                    "the D-Bus proxy of a sandbox does not allow it: give the sandbox the permission to own the name"
                )
            default: error.kind == .cancelled ? (.cancelled, "") : (.busError, "look for the reason in the bus's log")
            }
        // The D-Bus name of an error that this process has made says nothing that its message does not.
        let failure = error.kind == .reply ? "\(error)" : error.message
        self.init(code, "\(operation) failed: \(failure)" + (advice.isEmpty ? "" : "; \(advice)"), cause: error)
    }

    /// Why a bus could not be opened. The error's message names the address.
    init(opening error: DBusError) {
        switch error.kind {
        case .exhausted:
            self.init(.outOfResources, "\(error.message); \(PortError.scarcityAdvice)", cause: error)
        // The message says itself what is wrong with the address.
        case .invalid: self.init(.busUnreachable, error.message, cause: error)
        case _ where error.name == DBusError.Name.authenticationFailed:
            self.init(.userRefused, "\(error.message); \(UserNamespace.advice)", cause: error)
        default:
            self.init(
                .busUnreachable, "\(error.message); see whether the bus is running, and whether the address is right",
                cause: error)
        }
    }

    /// A resource that a port or a loop needs is not available.
    init(_ error: PortError) {
        self.init(.outOfResources, error.message, cause: error)
    }
}
