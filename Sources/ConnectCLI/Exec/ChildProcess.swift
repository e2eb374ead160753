import ConnectTo
import ConnectToLinux
import Glibc

/// A running command, in a process group of its own.
final class ChildProcess: Sendable {
    typealias Ending = StartedProcess.Ending

    /// A signal has stopped the process.
    struct Stop: Sendable {
        let pid: Int32
        let signal: Int32
    }

    private let process: StartedProcess
    private let lingers: Bool
    private let ending = Latch<Ending>()
    private let whenStopped: @Sendable (Stop) -> Void

    /// - Parameters:
    ///   - lingers: whether the number stays the process's after its end, until ``release()``, so that the rest of its
    ///     group can still be ended.
    ///   - whenStopped: called whenever a signal stops the process.
    init(_ process: StartedProcess, lingers: Bool, whenStopped: @escaping @Sendable (Stop) -> Void) {
        self.process = process
        self.lingers = lingers
        self.whenStopped = whenStopped
    }

    var pid: Int32 { process.pid }
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
    func signalGroup(_ signal: Int32) { process.signalGroup(signal) }

    /// Gives the number of a process that has ended and lingers back to the kernel.
    func release() {
        if lingers, hasEnded { _ = process.ending(keeps: false) }
    }

    /// Asks the kernel whether the process was stopped or has ended.
    func pollState() {
        if hasEnded { return }
        if let signal = process.stop() { whenStopped(Stop(pid: pid, signal: signal)) }
        if let end = process.ending(keeps: lingers) { ending.set(end) }
    }
}
