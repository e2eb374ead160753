import CConnectToLinux
import ConnectToLinux
import Glibc

/// A limit that the kernel enforces on a worker's process, as setrlimit(2) has it. Processes that the worker starts
/// inherit it.
///
/// The limit is set as the soft and as the hard one, so that the worker cannot raise it. No limit can be above the hard
/// limit of this program, unless it has the privilege CAP_SYS_RESOURCE.
public struct ResourceLimit: Sendable, Hashable, CustomStringConvertible {
    private enum Resource: String, Sendable {
        case openFiles = "open files"
        case addressSpace = "bytes of address space"
        case cpuTime = "seconds of processor time"
        case processes
        case fileSize = "bytes a file"
        case coreSize = "bytes of core dump"
    }

    private let resource: Resource
    /// In the resource's unit.
    private let value: UInt64

    private init(_ resource: Resource, _ value: Int) {
        self.resource = resource
        self.value = UInt64(max(0, value))
    }

    /// How many descriptors the worker may have open (RLIMIT_NOFILE). Beyond, opening one more fails with EMFILE.
    public static func openFiles(_ count: Int) -> ResourceLimit { ResourceLimit(.openFiles, count) }

    /// How many bytes of address space the worker may have (RLIMIT_AS): its programs and libraries, its heap and the
    /// stacks of its threads. Beyond, allocating fails, which ends a Swift program. Reserved memory counts as much as
    /// memory in use, so leave some hundred MiB more than the work takes.
    public static func addressSpace(_ bytes: Int) -> ResourceLimit { ResourceLimit(.addressSpace, bytes) }

    /// How much processor time the worker may take in all (RLIMIT_CPU), in whole seconds, rounded up. Beyond, SIGXCPU
    /// ends it, and a second later SIGKILL.
    public static func cpuTime(_ time: Duration) -> ResourceLimit {
        let (seconds, rest) = time.components
        return ResourceLimit(.cpuTime, max(1, Int(clamping: seconds) + (rest > 0 ? 1 : 0)))
    }

    /// How many processes and threads the worker's **user** may have for the worker to start one more (RLIMIT_NPROC).
    /// It does not bind root.
    public static func processes(_ count: Int) -> ResourceLimit { ResourceLimit(.processes, count) }

    /// How long a file may become by what the worker writes (RLIMIT_FSIZE). Beyond, SIGXFSZ ends it.
    public static func fileSize(_ bytes: Int) -> ResourceLimit { ResourceLimit(.fileSize, bytes) }

    /// How many bytes of its memory a crash may leave as a file (RLIMIT_CORE); 0: no file.
    public static func coreSize(_ bytes: Int) -> ResourceLimit { ResourceLimit(.coreSize, bytes) }

    public var description: String { "\(value) \(resource.rawValue)" }

    func set(for process: Int32) throws(SystemError) {
        // Behind the soft limit, so that the exit names it: at the hard one the kernel sends a plain SIGKILL.
        let hard = resource == .cpuTime ? value + 1 : value
        try systemCall("prlimit") { clinux_limit(process, number, value, hard) }
    }

    private var number: Int32 {
        let resource =
            switch resource {
            case .openFiles: RLIMIT_NOFILE
            case .addressSpace: RLIMIT_AS
            case .cpuTime: RLIMIT_CPU
            case .processes: __RLIMIT_NPROC
            case .fileSize: RLIMIT_FSIZE
            case .coreSize: RLIMIT_CORE
            }
        return Int32(bitPattern: resource.rawValue)
    }
}
