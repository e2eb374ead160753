import ConnectToLinux
import Glibc

/// What the process numbers that a bus gives mean here.
///
/// A process has a number in every pid namespace that it can be seen from, and the bus gives that of its own. Looked up
/// in another one, as in a container whose bus is outside, the number is some other process's.
package enum ProcessNumbers: Sendable {
    /// The same as here.
    case ours
    /// Another process, or it cannot be told: they do to count by, and tell nothing of a process.
    case foreign

    /// Compares how the bus and the kernel number one and the same process: this one or, behind a D-Bus proxy, which
    /// the bus takes for this one, the proxy.
    ///
    /// - Parameters:
    ///   - own: the bus's number of the process that our connection is of.
    ///   - end: the kernel's number of the process at the other end of our connection, the bus or a proxy; 0 for one
    ///     of another namespace, where even a number that is the same is so by chance.
    init(ofThisProcess own: Int32, ofOtherEnd end: Int32) {
        let agree = end > 0 && (own == getpid() || own == end)
        self = agree && processFilesAreOurs ? .ours : .foreign
    }
}
