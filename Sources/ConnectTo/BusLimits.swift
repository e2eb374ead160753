public import ConnectToPorts

/// What other programs may make this program hold, on one bus, and how long it waits for them.
///
/// Given when the bus is opened, and fixed from then on: all parts of a process that ask for a bus share one
/// connection, and so its limits. The first part that opens the bus sets them. A part that names no limits takes the
/// bus as it is.
///
/// ```swift
/// var limits = BusLimits()
/// limits.ports.messageLength = 1 << 20  // both sides of these lines are ours
/// let bus = try await Bus.session(limits: limits)
/// ```
public struct BusLimits: Sendable, Hashable {
    /// For each port that is introduced by this bus, on either side, and for ports that arrive on such ports. So also
    /// for the lines of `connect tap`.
    public var ports = PortLimits()

    /// How long a listener that owns the name may take to answer ``Bus/connectTo(_:origin:options:)`` of a caller
    /// that does not wait (``WaitPolicy/now``). For a caller that waits it has what is left of the wait, and a second
    /// at least. Then the port ends with ``CloseReason/Code/timedOut``. 5 s if not set; the least is 1 ms.
    ///
    /// A listener of this library answers once the bus has told it who calls, for which the bus has 5 s.
    public var introduction = Duration.seconds(5) {
        didSet { introduction = max(introduction, .milliseconds(1)) }
    }

    /// How long the bus may be away before it counts as ``Bus/Status/lost``; 60 s if not set. With zero, a bus that
    /// goes away is lost at once.
    public var absence = Duration.seconds(60) {
        didSet { absence = max(absence, .zero) }
    }

    /// What the callers of each user may have of this process.
    public var callers = CallerLimits()

    /// The defaults.
    public init() {}
}
