import CConnectToLinux
import ConnectTo
import ConnectToLinux
import Glibc

/// A running command, in a process group of its own.
final class ChildProcess: Sendable {
    /// How the process ended.
    enum Ending: Sendable, Equatable {
        case exited(Int32)
        case signaled(Int32)
        /// Other code has already waited for the process.
        case unknown
    }

    /// A signal has stopped the process.
    struct Stop: Sendable {
        let pid: Int32
        let signal: Int32
    }

    let pid: Int32
    private let lingers: Bool
    private let ending = Latch<Ending>()
    private let whenStopped: @Sendable (Stop) -> Void
    /// Locked while the process number is used. False once the end is known: the number may then be another process's.
    private let numberIsOurs = Lock(true)

    /// - Parameters:
    ///   - lingers: whether the number stays the process's after its end, until ``release()``, so that the rest of its
    ///     group can still be ended.
    ///   - whenStopped: called whenever a signal stops the process.
    init(pid: Int32, lingers: Bool, whenStopped: @escaping @Sendable (Stop) -> Void) {
        self.pid = pid
        self.lingers = lingers
        self.whenStopped = whenStopped
    }

    var hasEnded: Bool { ending.value != nil }

    /// Waits for the end of the process. Its own children may still run.
    func ended() async -> Ending {
        await ending.wait() ?? .unknown
    }

    /// Sends SIGHUP to the process group, unless the process has ended. SIGCONT lets a stopped process go on, so that
    /// it handles SIGHUP.
    func hangUp() {
        signalGroup(SIGHUP)
    }

    /// Sends SIGTERM to the process group, and SIGKILL when the grace is over.
    func terminate(grace: Duration, on loop: EventLoop) {
        signalGroup(SIGTERM)
        loop.schedule(after: grace) { [self] in signalGroup(SIGKILL) }
    }

    /// Sends a signal to the process group, and SIGCONT behind it, unless the number may be another process's.
    func signalGroup(_ signal: Int32) {
        numberIsOurs.withLock { isOurs in
            guard isOurs else { return }
            kill(-pid, signal)
            kill(-pid, SIGCONT)
        }
    }

    /// Gives the number of a process that has ended and lingers back to the kernel.
    func release() {
        numberIsOurs.withLock { isOurs in
            guard isOurs, lingers, hasEnded else { return }
            isOurs = false
            var (how, status): (Int32, Int32) = (0, 0)
            _ = clinux_poll_child(pid, true, false, &how, &status)
        }
    }

    /// Asks the kernel whether the process was stopped or has ended.
    func pollState() {
        var (how, status): (Int32, Int32) = (0, 0)
        var stop: Stop?
        let result = numberIsOurs.withLock { isOurs -> Int32 in
            guard isOurs else { return 0 }
            if clinux_poll_child(pid, false, false, &how, &status) == 1 { stop = Stop(pid: pid, signal: status) }
            let result = clinux_poll_child(pid, true, lingers, &how, &status)
            isOurs = result == 0 || result == 1 && lingers
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
