import ConnectToLinux

/// Two entangled ports in one process: each receives the messages that the other posts.
///
/// Both ends are alike. Hand one to another part of the program, post it to another program
/// (``Transferable/port(_:)``), or start a process with it (``MessagePort/withDetachedSocket(_:)``). A channel needs no
/// bus.
public struct MessageChannel: Sendable {
    /// One end.
    public let port1: MessagePort
    /// The other end.
    public let port2: MessagePort

    /// Makes a channel and returns only its two ends: `let (mine, theirs) = try MessageChannel.makePair()`.
    ///
    /// A unit test of code that uses a port gives it one end, and plays its peer on the other. Both are real ports: a
    /// socket pair, with all the limits, errors and orders of events of a port to another process; only the
    /// introduction is left out. On a loop made by ``EventLoop/makeDrivenByForeignLoop()`` the test decides when posted
    /// messages arrive.
    ///
    /// - Parameters: as in ``init(limits:on:)``.
    /// - Throws: as in ``init(limits:on:)``.
    public static func makePair(
        limits: PortLimits = PortLimits(), on loop: EventLoop? = nil
    ) throws(PortError) -> (MessagePort, MessagePort) {
        let channel = try MessageChannel(limits: limits, on: loop)
        return (channel.port1, channel.port2)
    }

    /// - Parameters:
    ///   - limits: the limits of each end in this process. An end that is given away takes the limits of the port on
    ///     which it arrives.
    ///   - loop: the loop on which both ends run; by default ``EventLoop/shared``.
    /// - Throws: ``PortError`` with ``PortError/Code/outOfResources`` where the process has no descriptors left.
    public init(limits: PortLimits = PortLimits(), on loop: EventLoop? = nil) throws(PortError) {
        let loop = if let loop { loop } else { try EventLoop.shared }
        do throws(SystemError) {
            let (first, second) = try StreamSocket.pair()
            port1 = MessagePort(adopting: first, on: loop, limits: limits)
            port2 = MessagePort(adopting: second, on: loop, limits: limits)
        } catch {
            throw .outOfResources("the channel could not be made", error)
        }
    }
}
