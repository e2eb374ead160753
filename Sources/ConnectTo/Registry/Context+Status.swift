extension Context {
    /// What state a context is in; compare with the constants. New ones may come, so a `switch` needs a default.
    public struct Status: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
        /// The state as it stands in logs.
        public let rawValue: String

        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// This process owns the name, and programs that call it find the context.
        public static let registered = Status(rawValue: "registered")
        /// Another process owns the name; the context takes the name over when that process goes.
        public static let standby = Status(rawValue: "standby")
        /// The bus is away. When it is back, the name is requested again.
        public static let reconnecting = Status(rawValue: "reconnecting")
        /// The context has ended; ``Context/endReason`` says why.
        public static let ended = Status(rawValue: "ended")

        public var description: String { rawValue }
    }

    /// Why a context ended; compare with the constants. New ones may come, so a `switch` needs a default.
    public struct EndReason: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
        /// The reason as it stands in logs.
        public let rawValue: String

        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// This program unregistered the context.
        public static let unregistered = EndReason(rawValue: "unregistered")
        /// As many callers have been admitted as ``ContextOptions/callerLimit`` allows.
        public static let limitReached = EndReason(rawValue: "limit-reached")
        /// Another process owns the name: the bus took it away, or the other process was faster when the bus came
        /// back.
        public static let nameLost = EndReason(rawValue: "name-lost")
        /// Another process took the name over, as this context allowed.
        public static let replaced = EndReason(rawValue: "replaced")
        /// The bus came back and refuses the name now, because of its policy or its limit of names.
        public static let nameRefused = EndReason(rawValue: "name-refused")
        /// The bus is lost: it went away and did not come back, it does not answer any more, or this process has left
        /// it.
        public static let busLost = EndReason(rawValue: "bus-lost")

        public var description: String { rawValue }
    }
}

extension ConnectToError {
    /// The error for a wait that a context's end has cut short.
    static func ended(_ context: ContextName, _ reason: Context.EndReason?) -> ConnectToError {
        let why =
            switch reason {
            case .unregistered?, nil: "this program unregistered it"
            case .limitReached?: "it has admitted as many callers as its callerLimit allows"
            case .nameLost?: "the bus gave the name to another process"
            case .replaced?: "another process has taken the name over"
            case .nameRefused?: "the bus came back and refused the name; look at the bus's policy and limits"
            case .busLost?: "the connection to the bus is over; register it again when the bus is back"
            default: "\(reason?.rawValue ?? "")"
            }
        return ConnectToError(.contextEnded, "the context \(context.quoted) has ended: \(why)")
    }
}
