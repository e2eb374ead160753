import Glibc
import LinuxIO

/// Descriptors that callers cannot take from this process. Without one for the next message libdbus would cut
/// the connection to the bus, and the program could open nothing.
enum DescriptorReserve {
    /// At the most; of a process that may have few, a quarter.
    private static let size: rlim_t = 64

    /// How many descriptors there are for callers and for all else that is not the reserve.
    static var available: Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(bitPattern: RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return .max
        }
        return Int(clamping: limit.rlim_cur - min(size, limit.rlim_cur / 4))
    }

    /// Whether a descriptor is none of the reserve. Numbers are given out lowest first, so its number tells.
    static func isUntouched(by descriptor: Descriptor) -> Bool {
        Int(descriptor.rawValue) < available
    }
}

extension ProcessHandle {
    /// Of whoever has the number now; nil where nobody has it, and where its descriptor would be of the reserve.
    static func unlessScarce(_ pid: Int32) -> ProcessHandle? {
        let handle = try? ProcessHandle(pid: pid)
        return handle.flatMap { DescriptorReserve.isUntouched(by: $0.descriptor) ? $0 : nil }
    }
}
