import Glibc

/// What keeps a job in a shell's background from being stopped when it would read the terminal.
enum BackgroundJob {
    /// How often such a job looks whether it has come to the front, while input is pending, in milliseconds.
    static let check: Int32 = 500

    /// Whether the terminal, if it is one, belongs to another job just now.
    static func isBehind(_ descriptor: Int32) -> Bool {
        guard isatty(descriptor) == 1 else { return false }
        let foreground = tcgetpgrp(descriptor)
        return foreground >= 0 && foreground != getpgrp()
    }

    /// With SIGTTIN blocked in the thread that reads, a read from the background fails and stops nobody: the
    /// process may be moved there between the look and the read.
    static func blockSignalInThisThread() {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGTTIN)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
    }
}
