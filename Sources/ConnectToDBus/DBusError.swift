/// An error of a call, a connection or a message.
///
/// An error reply keeps its D-Bus name and message verbatim. A local error has a ``kind`` that no peer can forge, and
/// the closest D-Bus name.
package struct DBusError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Where the error comes from.
    package enum Kind: Sendable {
        /// The bus or the peer sent an error reply.
        case reply
        /// This program closed the connection, or lost it, before the reply arrived. The callee may have executed the
        /// call.
        case disconnected
        /// There is no connection at the moment. Nothing was sent.
        case offline
        /// The deadline has passed. The callee may have executed the call, or may still do so.
        case timedOut
        /// D-Bus does not allow what was to be sent. Nothing was sent.
        case invalid
        /// A received message cannot be read, by its sender's fault.
        case malformed
        /// The waiting task was cancelled. The callee may have executed the call, or may still do so.
        case cancelled
        /// The bus could not be reached, or does not behave like a bus.
        case unreachable
        /// Memory, descriptors or the output queue are used up.
        case exhausted
    }

    package let kind: Kind
    /// The D-Bus name of the error, such as `org.freedesktop.DBus.Error.ServiceUnknown`. Compare it with
    /// ``DBusError/Name``.
    package let name: String
    /// A text for people. Empty where the peer sent none.
    package let message: String

    /// An error reply of the bus or a peer.
    package init(name: String, message: String) {
        self.init(kind: .reply, name: name, message: message)
    }

    private init(kind: Kind, name: String, message: String) {
        self.kind = kind
        self.name = name
        self.message = message
    }

    /// The same error with another message.
    func withMessage(_ message: String) -> DBusError { DBusError(kind: kind, name: name, message: message) }

    package var description: String { message.isEmpty ? name : "\(name): \(message)" }

    package static func disconnected(_ message: String) -> DBusError {
        DBusError(kind: .disconnected, name: Name.disconnected, message: message)
    }

    package static let offline = DBusError(
        kind: .offline, name: Name.disconnected, message: "there is no connection to the bus at the moment")

    static let closedByThisProgram = disconnected("this program has closed the connection to the bus")

    package static func timedOut(_ message: String) -> DBusError {
        DBusError(kind: .timedOut, name: Name.timeout, message: message)
    }

    package static func invalid(_ message: String) -> DBusError {
        DBusError(kind: .invalid, name: Name.invalidArguments, message: message)
    }

    package static func malformed(_ message: String) -> DBusError {
        DBusError(kind: .malformed, name: Name.invalidArguments, message: message)
    }

    package static func cancelled(_ message: String) -> DBusError {
        DBusError(kind: .cancelled, name: Name.failed, message: message)
    }

    package static func unreachable(_ message: String, name: String = Name.noServer) -> DBusError {
        DBusError(kind: .unreachable, name: name, message: message)
    }

    package static func exhausted(_ message: String) -> DBusError {
        DBusError(kind: .exhausted, name: Name.limitsExceeded, message: message)
    }
}

extension DBusError {
    /// The error names that ConnectTo compares with, or replies with.
    package enum Name {
        package static let failed = "org.freedesktop.DBus.Error.Failed"
        package static let disconnected = "org.freedesktop.DBus.Error.Disconnected"
        package static let timeout = "org.freedesktop.DBus.Error.Timeout"
        package static let noServer = "org.freedesktop.DBus.Error.NoServer"
        /// The callee left the bus before it replied.
        package static let noReply = "org.freedesktop.DBus.Error.NoReply"
        /// The name has no owner, and the bus knows no service to start for it.
        package static let serviceUnknown = "org.freedesktop.DBus.Error.ServiceUnknown"
        package static let nameHasNoOwner = "org.freedesktop.DBus.Error.NameHasNoOwner"
        /// The bus started a service for the name, and the service did not request the name in time.
        package static let timedOut = "org.freedesktop.DBus.Error.TimedOut"
        /// The bus could not start the service for the name. The rest of the error's name says why.
        package static let spawnPrefix = "org.freedesktop.DBus.Error.Spawn."
        /// The bus did not accept the uid that this process authenticated with.
        package static let authenticationFailed = "org.freedesktop.DBus.Error.AuthFailed"
        package static let accessDenied = "org.freedesktop.DBus.Error.AccessDenied"
        package static let limitsExceeded = "org.freedesktop.DBus.Error.LimitsExceeded"
        package static let noMemory = "org.freedesktop.DBus.Error.NoMemory"
        package static let invalidArguments = "org.freedesktop.DBus.Error.InvalidArgs"
        package static let unknownObject = "org.freedesktop.DBus.Error.UnknownObject"
        package static let unknownInterface = "org.freedesktop.DBus.Error.UnknownInterface"
        package static let unknownMethod = "org.freedesktop.DBus.Error.UnknownMethod"
        package static let unknownProperty = "org.freedesktop.DBus.Error.UnknownProperty"
        package static let propertyReadOnly = "org.freedesktop.DBus.Error.PropertyReadOnly"
    }
}
