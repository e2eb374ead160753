/// What callers may use of this process, counted for each user and not for each connection: connections to the bus
/// cost a caller nothing.
///
/// Over a limit, a caller's port ends with ``CloseReason/Code/busy``, and other callers go on. The refusal is sent a
/// tenth of a second late: this slows down only callers that call again as soon as they are answered. One process
/// gets three quarters of each limit of its user (a third of ``heldBytes``), so that it cannot use up the share of
/// the user's other processes.
///
/// A value below the least one counts as the least.
public struct CallerLimits: Sendable, Hashable {
    /// Ports open at the same time. 4,096 if not set; the least is 0, which refuses every caller. Whatever the value,
    /// the callers of one user leave a quarter of the process's descriptors (RLIMIT_NOFILE), and a reserve of 64
    /// descriptors is given to no caller.
    public var openPorts = 4_096 {
        didSet { openPorts = max(openPorts, 0) }
    }

    /// Introductions a second in the long run, admitted or not. In a burst, five seconds' worth. 4,000 if not set;
    /// the least is 1.
    public var introductionsPerSecond = 4_000 {
        didSet { introductionsPerSecond = max(introductionsPerSecond, 1) }
    }

    /// Bytes that this process holds for the callers of one user, on all their ports together: what it has received
    /// and the program has not taken, what the program has declared as held (``MessagePort/hold(bytes:)``), what it has
    /// posted and the callers have not read, and the metadata of their calls while the ports are open. A received
    /// message counts as ``PortLimits/queuedInput`` says. 256 MiB if not set; the least is 1. It is never more than an
    /// eighth of the address space that the process may have (RLIMIT_AS).
    ///
    /// One process gets a third of this, and all users together get twice as much. Over the limit, further callers
    /// are refused, and each open port reads no more than 16 KiB. One port at a time is exempt and may finish a
    /// message, so that long messages do not wait for each other. A port that has more than 16 KiB queued takes no
    /// more: `postMessage` throws ``PortError/Code/queueFull``, and `send` waits. A port that has nothing queued
    /// takes a message in any case. A program that waits for one port while it leaves this much untaken on others
    /// waits for itself.
    public var heldBytes = 256 << 20 {
        didSet { heldBytes = max(heldBytes, 1) }
    }

    /// The defaults.
    public init() {}
}
