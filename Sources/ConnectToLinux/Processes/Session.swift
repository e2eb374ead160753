import CConnectToLinux
import Glibc

/// Kills all processes of a session: the group of its leader, and those that have made a process group of their own, as
/// timeout(1) and shells with job control do. A process that has made a session of its own is not reached; nor, where
/// /proc is not mounted, one in another group.
///
/// The caller makes sure that the number is still that of the session.
/// - Parameter spared: a process that is not killed.
public func killSession(_ session: Int32, sparing spared: Int32? = nil) {
    if spared == nil { kill(-session, SIGKILL) }
    // One that is about to fork is killed, and its child is found in the next round.
    var killed: Set<Int32> = []
    for _ in 0..<16 {
        let members = ((try? fileNames(in: "/proc")) ?? []).compactMap { Int32($0) }
            .filter { $0 != spared && getsid($0) == session && !killed.contains($0) }
        if members.isEmpty { return }
        for member in members {
            killMember(member, of: session)
            killed.insert(member)
        }
    }
}

/// Not by the number alone, which may become another process's between the look and the signal.
private func killMember(_ pid: Int32, of session: Int32) {
    guard let process = try? ProcessHandle(pid: pid), getsid(pid) == session else { return }
    _ = clinux_pidfd_send_signal(process.descriptor.rawValue, SIGKILL)
}
