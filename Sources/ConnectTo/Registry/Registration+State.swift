import ConnectToDBus
import ConnectToLinux
import ConnectToPorts

extension Registration {
    /// The terms under which a name was registered.
    final class Terms: Sendable {
        let options: ContextOptions
        /// The flags with which the bus is asked for the name.
        let flags: BusConnection.RequestNameFlags
        let tap: Tap?

        private static let usual = Terms(ContextOptions(), nil)

        private init(_ options: ContextOptions, _ tap: Tap?) {
            self.options = options
            flags = BusConnection.RequestNameFlags(options.ownership)
            self.tap = tap
        }

        static func of(_ options: ContextOptions, _ tap: Tap?) -> Terms {
            options.areDefaults && tap == nil ? usual : Terms(options, tap)
        }
    }

    /// What a registration has from its first caller on, or from the first task that waits for it.
    // @unchecked: what changes is used under the registration's lock.
    final class State: @unchecked Sendable {
        let terms: Terms
        let activity: ContextActivity
        let arrivals: AsyncStream<Arrival>
        let sink: AsyncStream<Arrival>.Continuation
        let isGone = Latch<Void>()
        let hasOwnedName = Latch<Bool>()
        /// For those who follow the status; made for the first of them.
        var board: StatusBoard<Context.Status>?
        /// How many more callers are to be admitted; nil for any number.
        var remaining: Int?
        /// The callers that wait to be taken.
        var backlog = Backlog()
        /// Whether a task has claimed the callers.
        var isClaimed = false
        /// Why the registration has ended.
        var reason: Context.EndReason?

        init(_ terms: Terms) {
            self.terms = terms
            activity = ContextActivity(tap: terms.tap)
            remaining = terms.options.callerLimit
            (arrivals, sink) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Backlog.capacity))
        }
    }
}

extension BusConnection.RequestNameFlags {
    fileprivate init(_ ownership: ContextOptions.Ownership) {
        self = ownership.contains(.standby) ? [] : .doNotQueue
        if ownership.contains(.replacesExisting) { insert(.replaceExisting) }
        if ownership.contains(.allowsReplacement) { insert(.allowReplacement) }
    }
}
