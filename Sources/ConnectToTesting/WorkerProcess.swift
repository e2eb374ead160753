import CConnectToLinux
import ConnectToLinux
import Glibc
import SystemPackage

/// A process that a child of ours has started and waits for: `dbus-broker`, whose launcher is the child.
final class WorkerProcess: Sendable {
    let processID: Int32
    /// Of this process and no other, whoever gets its number after it.
    private let handle: Descriptor
    /// It ends when its child has ended, and has then taken the child's exit status.
    private let parentHandle: Descriptor

    /// - Returns: Nil where the child has no child.
    init?(childOf parent: Int32) throws {
        let children = text(of: FilePath("/proc/\(parent)/task/\(parent)/children"))
        guard let number = children.split(separator: " ").first.flatMap({ Int32($0) }) else { return nil }
        processID = number
        handle = Descriptor(adopting: try systemCall("pidfd_open") { clinux_pidfd_open(number) })
        parentHandle = Descriptor(adopting: try systemCall("pidfd_open") { clinux_pidfd_open(parent) })
    }

    /// Kills, and returns once the process is gone.
    func kill() {
        _ = clinux_pidfd_send_signal(handle.rawValue, SIGKILL)
        Self.waitForEnd(of: handle)
        Self.waitForEnd(of: parentHandle)
    }

    /// For a second at most: longer only takes what somebody has stopped.
    private static func waitForEnd(of process: Descriptor) {
        var end = pollfd(fd: process.rawValue, events: Int16(POLLIN), revents: 0)
        _ = try? systemCall("poll") { poll(&end, 1, 1000) }
    }
}
