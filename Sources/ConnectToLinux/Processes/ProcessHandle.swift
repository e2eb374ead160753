import CConnectToLinux

/// A process, held by a descriptor: while this lives, its number can mean another process, but not unnoticed.
package final class ProcessHandle: Sendable {
    package let pid: Int32
    package let descriptor: Descriptor

    /// Takes over a descriptor that somebody who knows has got for the process (SO_PEERPIDFD).
    ///
    /// - Parameter pid: the process's number, by whoever has got it.
    /// - Returns: Nil where the kernel has another number for it here, or none: that one is of another pid namespace.
    package init?(pid: Int32, adopting descriptor: Descriptor) {
        guard let number = Self.number(of: descriptor), number == pid || number == Self.ended else { return nil }
        self.pid = pid
        self.descriptor = descriptor
    }

    /// The kernel's number for a process that has ended: it says nothing, and nothing more is read of the process.
    private static let ended: Int32 = -1

    /// The number of a descriptor's process in our pid namespace; 0 where it has none there.
    private static func number(of descriptor: Descriptor) -> Int32? {
        guard let facts = smallFile("/proc/self/fdinfo/\(descriptor.rawValue)", limit: 4_096) else { return nil }
        let label = "Pid:"
        let line = String(decoding: facts, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix(label) }
        return line?.dropFirst(label.count).split { $0 == "\t" || $0 == " " }.first.flatMap { Int32($0) }
    }

    /// Whoever has the number now.
    /// - Throws: where nobody has it, and where the kernel knows no such descriptors (before Linux 5.3).
    package init(pid: Int32) throws(SystemError) {
        self.pid = pid
        descriptor = Descriptor(adopting: try systemCall("pidfd_open") { clinux_pidfd_open(pid) })
    }

    package var hasEnded: Bool {
        (try? systemCall("poll") { clinux_pidfd_has_ended(descriptor.rawValue) }) != 0
    }

    /// What is read of the process by its number; nil if it has ended, for then it may be of another.
    package func whileRunning<Result>(_ read: () -> Result?) -> Result? {
        let result = read()
        return hasEnded ? nil : result
    }
}
