public import ConnectToPorts

/// What a program lets others make it hold, on one bus, and how long it waits for them.
///
/// Given when the bus is opened, and settled from then on: everybody in a process who asks for a bus shares one
/// connection, and so its limits. Who does not say any takes the bus as it is; the first one settles them.
///
/// ```swift
/// var limits = BusLimits()
/// limits.ports.messageLength = 1 << 20  // both sides of these lines are ours
/// let bus = try await Bus.session(limits: limits)
/// ```
public struct BusLimits: Sendable, Hashable {
    /// Of each port that is introduced by this bus, on either side, and of those that arrive on such ports. So also of
    /// what `connect tap` looks on with.
    public var ports = PortLimits()

    /// How long a listener that is there may take to answer ``Bus/connectTo(_:origin:options:)`` of a
    /// caller that does not wait (``WaitPolicy/now``); of one that waits, what is left of that, a second at least. Then the port ends with
    /// ``CloseReason/Code/timedOut``. 5 s if not set; the least is 1 ms.
    ///
    /// Listeners of this library answer when the bus has told them who calls, for which they give it 5 s.
    public var introduction = Duration.seconds(5) {
        didSet { introduction = max(introduction, .milliseconds(1)) }
    }

    /// How long the bus may be away before it counts as ``Bus/Status/lost``; 60 s if not set. With zero a bus that goes
    /// is lost at once.
    public var absence = Duration.seconds(60) {
        didSet { absence = max(absence, .zero) }
    }

    /// What the callers of each user may have of this process.
    public var callers = CallerLimits()

    /// The defaults.
    public init() {}
}
