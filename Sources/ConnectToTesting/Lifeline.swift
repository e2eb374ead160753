import CConnectToLinux
import ConnectToLinux
import Glibc
import SystemPackage

/// Kills a process and removes a directory when the lifeline is cut, or when this process ends, however it ends.
///
/// The lifeline is a socket pair. Only this process has the one end, and the kernel closes that with the process.
/// Then the kernel kills the process that is tied to the lifeline, and a shell that has waited at the other end
/// removes the directory.
final class Lifeline: Sendable {
    /// This process's end; nil once the lifeline is cut.
    private let here: Lock<StreamSocket?>
    /// The end that the shell reads, and the kernel watches.
    private let there: StreamSocket
    /// The shell's process id. Only ``cut()`` takes its exit status.
    private let shell: Int32

    /// Starts the shell; from here on the directory is removed when this process ends.
    init(removing directory: FilePath) throws(SystemError) {
        let (here, there) = try StreamSocket.pair()
        self.here = Lock(here)
        self.there = there
        shell = try startShell(
            "read -r _; exec rm -rf -- \"$1\"", argument: directory.string, input: there.descriptor)
    }

    /// From here on the child ends with this process. Of several children only the last one does.
    ///
    /// The kernel holds the process itself and not its process id, which may become another process's.
    func tie(_ child: Int32) throws(SystemError) {
        try systemCall("fcntl") { clinux_kill_at_hangup(there.descriptor.rawValue, child) }
    }

    /// Returns when the directory is gone, after a few milliseconds. A second call does nothing.
    func cut() {
        guard here.withLock({ $0.take() }) != nil else { return }
        var info = siginfo_t()
        _ = try? systemCall("waitid") { waitid(P_PID, id_t(shell), &info, WEXITED) }
    }
}

/// Starts a script with one argument and a standard input, in a process group of its own, so that Ctrl-C does not end
/// it.
private func startShell(
    _ script: String, argument: String, input: Descriptor
) throws(SystemError) -> Int32 {
    var files = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&files)
    defer { posix_spawn_file_actions_destroy(&files) }
    posix_spawn_file_actions_adddup2(&files, input.rawValue, STDIN_FILENO)
    // Not the tests' output: a program that reads that would wait for the shell to end.
    for output in [STDOUT_FILENO, STDERR_FILENO] {
        posix_spawn_file_actions_addopen(&files, output, "/dev/null", O_WRONLY, 0)
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))

    let arguments = ["sh", "-c", script, "sh", argument].map { (text: String) in strdup(text) }
    defer { for argument in arguments { free(argument) } }
    var processID: Int32 = 0
    let failure = posix_spawn(&processID, "/bin/sh", &files, &attributes, arguments + [nil], environ)
    guard failure == 0 else { throw SystemError(operation: "posix_spawn", errno: Errno(rawValue: failure)) }
    return processID
}
