import Glibc
import LinuxIO
import Ports

/// Who may connect, decided before the connect event.
enum Admission {
    /// The user that this process runs as, and nobody else.
    static func admits(_ peer: Peer) -> Bool {
        peer.uid == geteuid()
    }

    /// Descriptors that callers cannot take from this process. Without one for the next message libdbus would
    /// cut the connection to the bus.
    private static let reserve: rlim_t = 64

    /// Whether a line leaves the reserve untouched. Numbers are given out lowest first, so its number tells.
    static func hasRoom(for line: StreamSocket) -> Bool {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(bitPattern: RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return true
        }
        return rlim_t(line.descriptor.rawValue) < limit.rlim_cur - min(reserve, limit.rlim_cur / 4)
    }

    /// What a caller is told that asks for a line of the other format.
    static func mismatch(_ format: LineFormat) -> String {
        switch format {
        case .messages: "lines to it carry messages, and this one was to be a stream"
        case .stream: "lines to it are streams of bytes, and this one was to carry messages"
        }
    }
}
