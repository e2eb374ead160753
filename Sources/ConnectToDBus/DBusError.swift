/// What went wrong with a call, a connection or a message.
///
/// Errors that came over the bus keep their name and message verbatim; those that arose on this side have a
/// ``kind`` that no peer can forge, and the closest D-Bus name.
package struct DBusError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Where the error comes from.
    package enum Kind: Sendable {
        /// The bus or the peer replied with it.
        case reply
        /// The connection ended, closed here or lost, while this was under way. The call may have been carried out
        /// all the same.
        case disconnected
        /// There is no connection just now. Nothing was sent.
        case offline
        /// The deadline has passed. The call may have been carried out all the same.
        case timedOut
        /// Refused on this side: D-Bus cannot say this. Nothing was sent.
        case invalid
        /// What came cannot be read: the sender's doing.
        case malformed
        /// The waiting task was cancelled. The call may have been carried out all the same.
        case cancelled
        /// The bus could not be reached, or does not behave like a bus.
        case unreachable
        /// Memory, descriptors or the output queue are used up.
        case exhausted
    }

    package let kind: Kind
    /// `org.freedesktop.DBus.Error.ServiceUnknown` and the like; compare with ``DBusError/Name``.
    package let name: String
    /// For people. Empty where the peer sent none.
    package let message: String

    /// As the bus or a peer said it.
    package init(name: String, message: String) {
        self.init(kind: .reply, name: name, message: message)
    }

    private init(kind: Kind, name: String, message: String) {
        self.kind = kind
        self.name = name
        self.message = message
    }

    /// The same error with another message.
    func saying(_ message: String) -> DBusError { DBusError(kind: kind, name: name, message: message) }

    package var description: String { message.isEmpty ? name : "\(name): \(message)" }

    package static func disconnected(_ message: String) -> DBusError {
        DBusError(kind: .disconnected, name: Name.disconnected, message: message)
    }

    package static let offline = DBusError(
        kind: .offline, name: Name.disconnected, message: "there is no connection to the bus just now")

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
    /// The error names that somebody here asks for, or replies with.
    package enum Name {
        package static let failed = "org.freedesktop.DBus.Error.Failed"
        package static let disconnected = "org.freedesktop.DBus.Error.Disconnected"
        package static let timeout = "org.freedesktop.DBus.Error.Timeout"
        package static let noServer = "org.freedesktop.DBus.Error.NoServer"
        /// The other side went away before it replied.
        package static let noReply = "org.freedesktop.DBus.Error.NoReply"
        /// Nobody has the name, and nobody can be started for it.
        package static let serviceUnknown = "org.freedesktop.DBus.Error.ServiceUnknown"
        package static let nameHasNoOwner = "org.freedesktop.DBus.Error.NameHasNoOwner"
        /// The bus started somebody for the name, who did not take it within its time.
        package static let timedOut = "org.freedesktop.DBus.Error.TimedOut"
        /// The bus could not start somebody for the name; what is behind this says why.
        package static let spawnPrefix = "org.freedesktop.DBus.Error.Spawn."
        /// The bus does not believe that we are the user who we say we are.
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
