import CConnectToLinux

/// A process, held by a pidfd: if the process ends and the kernel gives its id to another process, ``hasEnded`` tells.
package final class ProcessHandle: Sendable {
    package let pid: Int32
    package let descriptor: Descriptor

    /// Takes over a pidfd that another program got for the process: the bus, by SO_PEERPIDFD.
    ///
    /// - Parameter pid: the process's id as that program reports it.
    /// - Returns: Nil where the process has another id, or none, in this process's pid namespace: the program that
    ///   reported the id is in another namespace.
    package init?(pid: Int32, adopting descriptor: Descriptor) {
        guard let number = Self.number(of: descriptor), number == pid || number == Self.ended else { return nil }
        self.pid = pid
        self.descriptor = descriptor
    }

    /// The id that the kernel shows for a process that has ended. It contradicts no `pid`, and is accepted because
    /// ``whileRunning(_:)`` discards whatever is read about such a process.
    private static let ended: Int32 = -1

    /// The id, in our pid namespace, of the process that a pidfd refers to; 0 where the process has none there.
    private static func number(of descriptor: Descriptor) -> Int32? {
        guard let facts = smallFile("/proc/self/fdinfo/\(descriptor.rawValue)", limit: 4_096) else { return nil }
        let label = "Pid:"
        let entry = String(decoding: facts, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix(label) }
        return entry?.dropFirst(label.count).split { $0 == "\t" || $0 == " " }.first.flatMap { Int32($0) }
    }

    /// Opens the process that has this id now.
    /// - Throws: ``SystemError`` where no process has the id, or the kernel has no pidfds (before Linux 5.3).
    package init(pid: Int32) throws(SystemError) {
        self.pid = pid
        descriptor = Descriptor(adopting: try systemCall("pidfd_open") { clinux_pidfd_open(pid) })
    }

    /// Opens the process that has this id now; nil where no process has it, or its pidfd would come out of the
    /// ``DescriptorReserve``.
    package static func unlessScarce(_ pid: Int32) -> ProcessHandle? {
        let handle = try? ProcessHandle(pid: pid)
        return handle.flatMap { DescriptorReserve.contains($0.descriptor.rawValue) ? nil : $0 }
    }

    package var hasEnded: Bool {
        (try? systemCall("poll") { clinux_pidfd_has_ended(descriptor.rawValue) }) != 0
    }

    /// Reads facts about the process by its id; nil if the process has ended by then, because the facts may be about
    /// another process that has the same id.
    package func whileRunning<Result>(_ read: () -> Result?) -> Result? {
        let result = read()
        return hasEnded ? nil : result
    }
}
