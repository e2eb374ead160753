import CLinux

/// A process, held by a descriptor: while this lives, its number can mean another process, but not unnoticed.
package final class ProcessHandle: Sendable {
    package let pid: Int32
    package let descriptor: Descriptor

    /// Takes over a descriptor that somebody who knows has got for the process (SO_PEERPIDFD).
    package init(pid: Int32, adopting descriptor: Descriptor) {
        self.pid = pid
        self.descriptor = descriptor
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
