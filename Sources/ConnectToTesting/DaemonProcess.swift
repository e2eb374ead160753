import ConnectToLinux
import Glibc

/// The right to kill a child process, for as long as its number is still its own.
final class DaemonProcess: Sendable {
    private let processID: Int32
    /// The child's own child that does the work, where there is one.
    private let worker: WorkerProcess?
    /// Set by ``kill()``.
    let isKilled = Latch<Void>()
    /// Nobody has taken the child's exit status yet: until then the kernel gives its number to nobody else.
    private let isOurs = Lock(true)

    init(_ processID: Int32, worker: WorkerProcess? = nil) {
        self.processID = processID
        self.worker = worker
    }

    /// Kills and waits, leaving the exit status to whoever started the process.
    func kill() {
        isOurs.withLock { isOurs in
            guard isOurs else { return }
            worker?.kill()
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
