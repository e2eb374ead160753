import ConnectToDBus
import ConnectToLinux
import ConnectToPorts

extension Registration {
    /// How a name was registered.
    final class Terms: Sendable {
        let options: ContextOptions
        /// How the bus is asked for the name.
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

    /// What a registration has from its first caller, or from the first that waits for something of it.
    // @unchecked: what changes is used under the registration's lock.
    final class State: @unchecked Sendable {
        let terms: Terms
        let activity: ContextActivity
        let arrivals: AsyncStream<Arrival>
        let sink: AsyncStream<Arrival>.Continuation
        let isGone = Latch<Void>()
        let hasOwnedName = Latch<Bool>()
        /// How many more callers are to be admitted; nil is any number.
        var remaining: Int?
        /// Which callers wait to be taken.
        var backlog = Backlog()
        /// Whether a task takes the callers.
        var isClaimed = false
        /// Why it has ended.
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
