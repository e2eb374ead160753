import Glibc

/// Keeps a shell's background job from being stopped by SIGTTIN when it would read the terminal.
enum TerminalJob {
    /// How often a background job with pending input checks whether it is in the foreground, in milliseconds.
    static let check: Int32 = 500

    /// Whether the descriptor is a terminal, and another job is in its foreground at this moment.
    static func isInBackground(of descriptor: Int32) -> Bool {
        guard isatty(descriptor) == 1 else { return false }
        let foreground = tcgetpgrp(descriptor)
        return foreground >= 0 && foreground != getpgrp()
    }

    /// Blocks SIGTTIN in the calling thread: a read in the background then fails with EIO, and does not stop the
    /// process. The shell may move the process to the background between the check and the read.
    static func blockSignalInThisThread() {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGTTIN)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
    }
}
