import ConnectToDBus
import ConnectToLinux
import ConnectToPorts

extension Registration {
    /// How a name was registered.
    final class Terms: Sendable {
        let metadata: [String: String]
        let limit: Int?
        let format: LineFormat
        let isPartial: Bool
        let flags: BusConnection.RequestNameFlags
        let tap: Tap?
        let admission: Admission

        private static let usual = Terms([:], nil, .messages, false, .doNotQueue, nil, .sameUser)

        private init(
            _ metadata: [String: String], _ limit: Int?, _ format: LineFormat, _ isPartial: Bool,
            _ flags: BusConnection.RequestNameFlags, _ tap: Tap?, _ admission: Admission
        ) {
            self.metadata = metadata
            self.limit = limit
            self.format = format
            self.isPartial = isPartial
            self.flags = flags
            self.tap = tap
            self.admission = admission
        }

        static func of(
            _ metadata: [String: String], _ limit: Int?, _ format: LineFormat, _ isPartial: Bool,
            _ flags: BusConnection.RequestNameFlags, _ tap: Tap?, _ admission: Admission
        ) -> Terms {
            if case .sameUser = admission.rule, metadata.isEmpty, limit == nil, format == .messages,
                !isPartial, flags == .doNotQueue, tap == nil
            {
                return usual
            }
            return Terms(metadata, limit, format, isPartial, flags, tap, admission)
        }
    }

    /// What a registration has from its first caller, or from the first that waits for something of it.
    // @unchecked: what changes is used under the registration's lock.
    final class State: @unchecked Sendable {
        let terms: Terms
        let activity: ContextActivity
        let events: AsyncStream<ConnectEvent>
        let sink: AsyncStream<ConnectEvent>.Continuation
        let isGone = Latch<Void>()
        let hasOwnedName = Latch<Bool>()
        /// How many more callers are to be admitted; nil is any number.
        var remaining: Int?
        /// Whose connect events wait to be taken.
        var backlog = Backlog()
        /// Why it has ended.
        var reason: Context.EndReason?

        init(_ terms: Terms) {
            self.terms = terms
            activity = ContextActivity(tap: terms.tap)
            remaining = terms.limit
            (events, sink) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Backlog.capacity))
        }
    }
}
