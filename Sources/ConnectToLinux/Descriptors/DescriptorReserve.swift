import CConnectToLinux
import Glibc

/// Descriptor numbers that this process keeps free of callers' descriptors. If none were left for the next message,
/// libdbus would close the connection to the bus, and the program could open nothing.
package enum DescriptorReserve {
    /// The largest reserve. It is at most a quarter of the process's limit.
    private static let size: rlim_t = 64

    /// The soft RLIMIT_NOFILE as it is at the moment, and how much of it is the reserve; nil if getrlimit(2) fails.
    private static var current: (limit: rlim_t, reserve: rlim_t)? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(bitPattern: RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return nil
        }
        return (limit.rlim_cur, min(size, limit.rlim_cur / 4))
    }

    /// How many descriptors the process may have open without touching the reserve.
    package static var available: Int {
        current.map { Int(clamping: $0.limit - $0.reserve) } ?? .max
    }

    /// How many descriptors may lie in messages that were received and not yet read: half of the reserve.
    package static var forReceivedMessages: Int {
        current.map { max(1, Int(clamping: $0.reserve / 2)) } ?? Int(size / 2)
    }

    /// Whether the next descriptor that this process opens comes out of the reserve.
    package static var containsNext: Bool {
        let next = clinux_eventfd()
        if next < 0 { return true }
        defer { close(next) }
        return next >= available
    }

    /// Whether a descriptor comes out of the reserve. Its number tells, because the kernel gives out the lowest free
    /// one.
    package static func contains(_ descriptor: Int32) -> Bool {
        Int(descriptor) >= available
    }
}
