/// What callers may have of this process, counted for each user: connections to the bus are free.
///
/// Over a limit a caller's port ends with ``CloseReason/Code/busy``, and others go on. It is told a tenth of a second
/// later: one that calls again as soon as it is answered holds itself up. So that one process cannot use up what all
/// processes of its user have, it gets three quarters of it.
///
/// A value below its least counts as the least.
public struct CallerLimits: Sendable, Hashable {
    /// Ports open at the same time. 4,096 if not set; the least is 0, which turns everybody away. Whatever this says,
    /// the callers of one user leave a quarter of the process's descriptors (RLIMIT_NOFILE), and a reserve of 64 is
    /// given to none.
    public var openPorts = 4_096 {
        didSet { openPorts = max(openPorts, 0) }
    }

    /// Introductions a second, in the long run; admitted or not. Over a short time five seconds' worth. 4,000 if not
    /// set; the least is 1.
    public var introductionsPerSecond = 4_000 {
        didSet { introductionsPerSecond = max(introductionsPerSecond, 1) }
    }

    /// Bytes that this process holds for a user's callers, of all ports together: what it has received and the program
    /// has not taken, what it has posted and they do not read, and the metadata of their calls for as long as the ports
    /// are open. A received message counts as ``PortLimits/queuedInput`` says. 256 MiB if not set; the least is 1. It
    /// is never more than an eighth of the address space that the process may have (RLIMIT_AS).
    ///
    /// One process gets a third of it, and all users together get twice as much. Over it the callers are refused. Of their
    /// ports each reads no more than 16 KiB, but one at a time, which may finish a message: so large ones do not wait for
    /// each other. A port that has more than 16 KiB queued takes no more: `postMessage` throws
    /// ``PortError/Code/queueFull``, and `send` waits. One that has nothing queued takes a message, as ever.
    /// A program that waits for one port while it leaves so much untaken on others waits for itself.
    public var heldBytes = 256 << 20 {
        didSet { heldBytes = max(heldBytes, 1) }
    }

    /// The defaults.
    public init() {}
}
