import ConnectToLinux
import Glibc

/// What the process numbers that a bus gives mean here.
///
/// A process has a number in every pid namespace from which it can be seen, and the bus gives the number in its own
/// namespace. Looked up in another one, as in a container whose bus is outside, the number is some other process's.
package enum ProcessNumbers: Sendable {
    /// The same process as here.
    case ours
    /// Another process, or it cannot be told: such numbers serve for counting, and say nothing of a process.
    case foreign

    /// Compares how the bus and the kernel number the same process. That process is this one or, behind a D-Bus
    /// proxy, the proxy, which the bus takes for this one.
    ///
    /// - Parameters:
    ///   - own: the bus's number of the process that it takes to own our connection.
    ///   - end: the kernel's number of the process at the other end of our connection, the bus or a proxy; 0 for a
    ///     process of another namespace, where equal numbers are equal by chance.
    init(ofThisProcess own: Int32, ofOtherEnd end: Int32) {
        let agree = end > 0 && (own == getpid() || own == end)
        self = agree && processFilesAreOurs ? .ours : .foreign
    }
}
