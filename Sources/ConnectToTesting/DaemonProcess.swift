import Glibc
import LinuxIO
import Synchronization

/// The right to kill a child process, for as long as its number is still its own.
final class DaemonProcess: Sendable {
    let processID: Int32
    /// Set by ``kill()``.
    let isKilled = Latch<Void>()
    /// Nobody has taken the child's exit status yet: until then the kernel gives its number to nobody else.
    private let isOurs = Mutex(true)

    init(_ processID: Int32) {
        self.processID = processID
    }

    /// Kills and waits, leaving the exit status to whoever started the process.
    func kill() {
        isOurs.withLock { isOurs in
            guard isOurs else { return }
            _ = Glibc.kill(processID, SIGKILL)
            var info = siginfo_t()
            _ = try? systemCall("waitid") { waitid(P_PID, id_t(processID), &info, WEXITED | WNOWAIT) }
        }
        isKilled.set()
    }

    /// The exit status is about to be taken: the number may become another's.
    func release() {
        isOurs.withLock { $0 = false }
    }
}
