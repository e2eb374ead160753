import CConnectToLinux
import Glibc
import SystemPackage

/// A process that this one has started, as the leader of a process group, and in most cases of a session, of its own.
public final class StartedProcess: Sendable {
    /// How the process ended.
    public enum Ending: Sendable, Hashable {
        case exited(Int32)
        case signaled(Int32)
        /// Other code has already waited for the process.
        case unknown
    }

    public let pid: Int32
    /// The process's pidfd, readable once the process has ended; nil where none was asked for, and where other code has
    /// already waited for the process.
    public let descriptor: Descriptor?
    /// Locked while the process number is used. False once the end is known: the number may then be another process's.
    private let numberIsOurs: Lock<Bool>

    init(pid: Int32) {
        self.pid = pid
        descriptor = nil
        numberIsOurs = Lock(true)
    }

    /// - Throws: ``SystemError``, and the process is killed.
    init(opening pid: Int32) throws(SystemError) {
        self.pid = pid
        let failure: SystemError?
        (descriptor, failure) = Self.open(pid)
        numberIsOurs = Lock(descriptor != nil || failure != nil)
        guard let failure else { return }
        signalGroup(SIGKILL)
        _ = try? systemCall("waitpid") { waitpid(pid, nil, 0) }
        throw failure
    }

    private static func open(_ pid: Int32) -> (Descriptor?, SystemError?) {
        do throws(SystemError) {
            return (Descriptor(adopting: try systemCall("pidfd_open") { clinux_pidfd_open(pid) }), nil)
        } catch {
            return (nil, error.errno == .noSuchProcess ? nil : error)
        }
    }

    /// Sends a signal to the process group, and SIGCONT behind it, unless the number may be another process's.
    public func signalGroup(_ signal: Int32) {
        numberIsOurs.withLock { isOurs in
            guard isOurs else { return }
            kill(-pid, signal)
            kill(-pid, SIGCONT)
        }
    }

    /// Kills the process, if it still runs, and all others of its session, and gives its number back. Blocks until it has
    /// ended, a second at the most: the kernel may keep a process that waits for a disk longer.
    public func end() -> Ending {
        numberIsOurs.withLock { isOurs in
            if isOurs { killSession(pid) }
        }
        if let descriptor {
            var request = pollfd(fd: descriptor.rawValue, events: Int16(POLLIN), revents: 0)
            _ = try? systemCall("poll") { Glibc.poll(&request, 1, 1_000) }
        }
        return ending(keeps: false) ?? .unknown
    }

    /// Asks the kernel whether the process was stopped since the last call.
    /// - Returns: the signal that has stopped it.
    public func stop() -> Int32? { numberIsOurs.withLock { $0 ? poll(ended: false, keeps: false)?.status : nil } }

    /// Asks the kernel whether the process has ended.
    ///
    /// - Parameter keeps: whether the number stays the process's, so that the rest of its group or session can still be
    ///   ended. Then a call without `keeps` has to follow, or the process stays as a zombie.
    public func ending(keeps: Bool) -> Ending? {
        numberIsOurs.withLock { isOurs in
            guard isOurs else { return .unknown }
            guard let state = poll(ended: true, keeps: keeps) else { return nil }
            isOurs = keeps && state.how >= 0
            if state.how < 0 { return .unknown }
            return state.how == CLD_EXITED ? .exited(state.status) : .signaled(state.status)
        }
    }

    /// - Returns: nil where nothing has changed; `how` is negative where the process is no child any more.
    private func poll(ended: Bool, keeps: Bool) -> (how: Int32, status: Int32)? {
        var (how, status): (Int32, Int32) = (0, 0)
        switch clinux_poll_child(pid, descriptor?.rawValue ?? -1, ended, keeps, &how, &status) {
        case 0: return nil
        case 1: return (how, status)
        default: return ended ? (-1, 0) : nil
        }
    }
}
