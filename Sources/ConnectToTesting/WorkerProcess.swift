import CConnectToLinux
import ConnectToLinux
import Glibc
import SystemPackage

/// A process that a child of this process has started and waits for: `dbus-broker`, whose launcher is the child.
final class WorkerProcess: Sendable {
    let processID: Int32
    /// Refers to this process only, even when its process id has become another process's.
    private let handle: Descriptor
    /// The launcher ends when its child has ended, and has then taken the child's exit status.
    private let parentHandle: Descriptor

    /// - Returns: Nil where the child has no child.
    init?(childOf parent: Int32) throws {
        let children = text(of: FilePath("/proc/\(parent)/task/\(parent)/children"))
        guard let number = children.split(separator: " ").first.flatMap({ Int32($0) }) else { return nil }
        processID = number
        handle = Descriptor(adopting: try systemCall("pidfd_open") { clinux_pidfd_open(number) })
        parentHandle = Descriptor(adopting: try systemCall("pidfd_open") { clinux_pidfd_open(parent) })
    }

    /// Kills the process, and returns once it is gone.
    func kill() {
        _ = clinux_pidfd_send_signal(handle.rawValue, SIGKILL)
        Self.waitForEnd(of: handle)
        Self.waitForEnd(of: parentHandle)
    }

    /// Waits for a second at most: only a process that has been stopped takes longer.
    private static func waitForEnd(of process: Descriptor) {
        var end = pollfd(fd: process.rawValue, events: Int16(POLLIN), revents: 0)
        _ = try? systemCall("poll") { poll(&end, 1, 1000) }
    }
}
