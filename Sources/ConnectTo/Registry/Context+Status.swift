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
        /// Another process owns the name; the context takes it over when that one goes.
        public static let standby = Status(rawValue: "standby")
        /// The bus is away. The name is asked for again when it is back.
        public static let reconnecting = Status(rawValue: "reconnecting")
        /// It is over; ``Context/endReason`` says why.
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

        /// Unregistered by this program.
        public static let unregistered = EndReason(rawValue: "unregistered")
        /// As many callers as were asked for have been admitted.
        public static let limitReached = EndReason(rawValue: "limit-reached")
        /// Another process owns the name: the bus took it away, or the other one was faster when the bus came back.
        public static let nameLost = EndReason(rawValue: "name-lost")
        /// Another process took the name over, as it was allowed to.
        public static let replaced = EndReason(rawValue: "replaced")
        /// The bus came back and does not give the name any more, by its policy or its limit of names.
        public static let nameRefused = EndReason(rawValue: "name-refused")
        /// The bus is lost: it went away and did not come back, or does not answer any more, or this process has left
        /// it.
        public static let busLost = EndReason(rawValue: "bus-lost")

        public var description: String { rawValue }
    }
}

extension ConnectToError {
    /// A context has ended before what was waited for.
    static func ended(_ context: ContextName, _ reason: Context.EndReason?) -> ConnectToError {
        let why =
            switch reason {
            case .unregistered?, nil: "it was unregistered here"
            case .limitReached?: "it has admitted as many callers as it was to"
            case .nameLost?: "the bus gave the name to another process"
            case .replaced?: "another process has taken the name over"
            case .nameRefused?: "the bus came back and does not give the name any more; look at its policy and limits"
            case .busLost?: "the bus is lost; register again when it is back"
            default: "\(reason?.rawValue ?? "")"
            }
        return ConnectToError(.contextEnded, "the context \(context.quoted) has ended: \(why)")
    }
}
