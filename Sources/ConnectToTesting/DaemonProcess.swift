import ConnectToLinux
import Glibc

/// The right to kill a child process, for as long as its process id is still its own.
final class DaemonProcess: Sendable {
    private let processID: Int32
    /// The child's own child that does the work, where the child is only its launcher.
    private let worker: WorkerProcess?
    /// Set by ``kill()``.
    let isKilled = Latch<Void>()
    /// Whether the child's exit status has not been taken yet: until then the kernel gives its process id to no other
    /// process.
    private let isOurs = Lock(true)

    init(_ processID: Int32, worker: WorkerProcess? = nil) {
        self.processID = processID
        self.worker = worker
    }

    /// Kills and waits. Leaves the exit status to the code that started the process.
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

    /// To be called before the exit status is taken: then the process id may become another process's.
    func release() {
        isOurs.withLock { $0 = false }
    }
}
