import CConnectToLinux
import Glibc

/// Descriptors that callers cannot take from this process. Without one for the next message libdbus would cut
/// the connection to the bus, and the program could open nothing.
package enum DescriptorReserve {
    /// At the most; of a process that may have few, a quarter.
    private static let size: rlim_t = 64

    /// The soft limit, as it is at the moment, and how much of it is the reserve; nil where there is no limit.
    private static var current: (limit: rlim_t, reserve: rlim_t)? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(bitPattern: RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return nil
        }
        return (limit.rlim_cur, min(size, limit.rlim_cur / 4))
    }

    /// How many descriptors there are for callers and for all else that is not the reserve.
    package static var available: Int {
        current.map { Int(clamping: $0.limit - $0.reserve) } ?? .max
    }

    /// How many may be held in messages that have been received and not looked at: half of the reserve.
    package static var forReceivedMessages: Int {
        current.map { max(1, Int(clamping: $0.reserve / 2)) } ?? Int(size / 2)
    }

    /// Whether the next descriptor would be one of the reserve.
    package static var isTouched: Bool {
        let next = clinux_eventfd()
        if next < 0 { return true }
        defer { close(next) }
        return next >= available
    }

    /// Whether a descriptor is none of the reserve. Numbers are given out lowest first, so its number tells.
    package static func isUntouched(by descriptor: Descriptor) -> Bool {
        Int(descriptor.rawValue) < available
    }
}

extension ProcessHandle {
    /// Of whoever has the number now; nil where nobody has it, and where its descriptor would be of the reserve.
    package static func unlessScarce(_ pid: Int32) -> ProcessHandle? {
        let handle = try? ProcessHandle(pid: pid)
        return handle.flatMap { DescriptorReserve.isUntouched(by: $0.descriptor) ? $0 : nil }
    }
}
