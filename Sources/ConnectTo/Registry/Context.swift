import ConnectToLinux
public import ConnectToPorts

/// A name that others can connect to, for as long as it is registered.
///
/// It is unregistered by ``unregister()``, when its last reference and its last ``Connects`` are dropped, when the task
/// that takes ``connects`` is cancelled, and when the bus is lost. While the bus is away for a time it is kept
/// (``Bus/status``). Ports that came from it live on.
public final class Context: Sendable {
    let registration: Registration

    init(_ registration: Registration) {
        self.registration = registration
    }

    deinit {
        registration.withdrawSoon(.unregistered)
    }

    /// The name it was registered under.
    public var name: String { registration.context.name }
    /// The application id that the name lives under.
    public var origin: String { registration.context.origin }
    /// Its well-known name on the bus.
    public var busName: String { registration.context.busName }
    /// Free text about it that everybody on the bus can read.
    public var metadata: [String: String] { registration.metadata }

    /// What lines to it carry.
    public var format: LineFormat { registration.format }

    /// Whether this process owns the name just now: not while it is a standby, nor after the end.
    public var isRegistered: Bool { registration.status == .registered }
    /// Whether it waits for the name's owner to go.
    public var isStandby: Bool { registration.status == .standby }

    /// What it has done so far.
    public var status: ContextStatus { registration.contextStatus }

    /// Waits until the name has become this process's; at once, but for a standby. True also where it has been
    /// and the context has ended since; false where it ended before, or the waiting task was cancelled.
    public var registered: Bool {
        get async {
            await registration.hasOwnedName.wait() ?? false
        }
    }

    /// The "connect" events: one for each caller that was admitted, with the port to it.
    ///
    /// One task takes them. Up to 256 callers of one program wait to be taken, 512 of one user and 1,024 in all; over
    /// it they end with ``CloseReason/Code/busy``. The sequence ends, after what waits, when the context is
    /// unregistered; ``endReason`` says why.
    public var connects: Connects {
        // Weakly: where it has ended by then, nobody would break the cycle.
        registration.onAbandoned { [weak registration] in registration?.withdrawSoon(.unregistered) }
        return Connects(context: self)
    }

    /// Why the context is no longer registered; nil while it is, or stands by.
    public var endReason: EndReason? {
        if case .ended(let reason) = registration.status { reason } else { nil }
    }

    /// Gives the name back; the bus has confirmed it when this returns. Whoever calls from then on finds
    /// nobody. Ports that are open stay open.
    public func unregister() async {
        await registration.withdraw(.unregistered)
    }

    /// Why a context ended.
    public struct EndReason: Sendable, Hashable, CustomStringConvertible {
        /// The reason as it stands in logs.
        public let rawValue: String

        /// Unregistered here.
        public static let unregistered = EndReason(rawValue: "unregistered")
        /// As many callers as were asked for have been admitted.
        public static let limitReached = EndReason(rawValue: "limit-reached")
        /// Another owns the name: the bus took it away, or another was faster when the bus came back.
        public static let nameLost = EndReason(rawValue: "name-lost")
        /// Another took the name over, as it was allowed to.
        public static let replaced = EndReason(rawValue: "replaced")
        /// The bus came back and does not give the name any more, by its policy or its limit of names.
        public static let nameRefused = EndReason(rawValue: "name-refused")
        /// The bus is lost: it went away and did not come back, or does not answer any more, or this process has left
        /// it.
        public static let busLost = EndReason(rawValue: "bus-lost")

        public var description: String { rawValue }
    }
}
