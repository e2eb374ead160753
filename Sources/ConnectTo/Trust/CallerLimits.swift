/// What callers may have of this process, counted for each user: unique names are free.
///
/// Over a limit a caller is refused as from a busy place, and others go on. So that one program cannot use up what
/// all programs of its user have, one connection to the bus gets three quarters of it.
public struct CallerLimits: Sendable, Hashable {
    /// Ports open at the same time. Whatever this says, the callers of one user leave a quarter of the process's
    /// descriptors (RLIMIT_NOFILE), and a reserve of 64 is given to none.
    public var openPorts = 4_096

    /// Introductions a second, in the long run; admitted or not. Over a short time five seconds' worth.
    public var introductionsPerSecond = 4_000

    /// The defaults.
    public init() {}
}
