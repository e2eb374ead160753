import ConnectToLinux
import Glibc

extension ChildProcess.Ending {
    /// Ends this process, and all others of its session, as the child has ended.
    func becomeOurs() -> Never {
        killSession(getpid(), sparing: getpid())
        switch self {
        case .exited(let status): _exit(status)
        case .signaled(let number):
            // The child has left a core file already, if it was to leave one.
            var none = rlimit(rlim_cur: 0, rlim_max: 0)
            setrlimit(__rlimit_resource_t(UInt32(RLIMIT_CORE.rawValue)), &none)
            signal(number, SIG_DFL)
            var signals = sigset_t()
            sigemptyset(&signals)
            sigaddset(&signals, number)
            pthread_sigmask(SIG_UNBLOCK, &signals, nil)
            kill(getpid(), number)
            _exit(128 + number)
        case .unknown: _exit(ExitStatus.peerFailed.code)
        }
    }
}
