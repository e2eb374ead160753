import CConnectToLinux
import ConnectToLinux
import Glibc

/// A command that runs, in a process group of its own.
final class ChildProcess: Sendable {
    /// How a process has ended.
    enum Ending: Sendable, Equatable {
        case exited(Int32)
        case signaled(Int32)
        /// Somebody else has asked for it.
        case unknown
    }

    /// A signal has stopped it.
    struct Stop: Sendable {
        let pid: Int32
        let signal: Int32
    }

    let pid: Int32
    private let ending = Latch<Ending>()
    private let whenStopped: @Sendable (Stop) -> Void
    /// Held while the number is used: once the end is known it may be another process's.
    private let numberIsOurs = Lock(true)

    /// - Parameter whenStopped: is told whenever a signal stops it.
    init(pid: Int32, whenStopped: @escaping @Sendable (Stop) -> Void) {
        self.pid = pid
        self.whenStopped = whenStopped
    }

    var hasEnded: Bool { ending.value != nil }

    /// Waits for its end. What it has started may still run.
    func ended() async -> Ending {
        await ending.wait() ?? .unknown
    }

    /// SIGHUP to its process group, unless it has ended. One that is stopped goes on, and so gets it too.
    func hangUp() {
        numberIsOurs.withLock { isOurs in
            guard isOurs else { return }
            kill(-pid, SIGHUP)
            kill(-pid, SIGCONT)
        }
    }

    /// Asks the kernel how it is.
    func look() {
        var (how, status): (Int32, Int32) = (0, 0)
        var stop: Stop?
        let result = numberIsOurs.withLock { isOurs -> Int32 in
            guard isOurs else { return 0 }
            if clinux_poll_child(pid, false, &how, &status) == 1 { stop = Stop(pid: pid, signal: status) }
            let result = clinux_poll_child(pid, true, &how, &status)
            isOurs = result == 0
            return result
        }
        if let stop { whenStopped(stop) }
        switch result {
        case 0: break
        case 1: ending.set(how == CLD_EXITED ? .exited(status) : .signaled(status))
        default: ending.set(.unknown)
        }
    }
}
