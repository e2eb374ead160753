import ConnectToLinux

/// Two entangled ports in one process: what one posts, the other receives.
///
/// The ends are alike. Hand one to another part of the program.
public struct MessageChannel: Sendable {
    /// The one end.
    public let port1: MessagePort
    /// The other.
    public let port2: MessagePort

    /// The two ends by themselves, for whoever has no use for the channel's name:
    /// `let (mine, theirs) = try MessageChannel.makePair()`.
    ///
    /// A unit test of code that talks on a port gives it one end, and plays its peer on the other. They are real: a
    /// socket pair, with all the limits, errors and orders of events of a port to another process; only the
    /// introduction is left out. On a loop by ``EventLoop/makeDrivenByForeignLoop()`` a test decides when what has been
    /// posted arrives.
    ///
    /// - Parameters: as of ``init(limits:on:)``.
    /// - Throws: as ``init(limits:on:)``.
    public static func makePair(
        limits: PortLimits = PortLimits(), on loop: EventLoop? = nil
    ) throws(PortError) -> (MessagePort, MessagePort) {
        let channel = try MessageChannel(limits: limits, on: loop)
        return (channel.port1, channel.port2)
    }

    /// - Parameters:
    ///   - limits: of each end, here. One that is given away has where it arrives the limits that hold there.
    ///   - loop: where both ends live; by default ``EventLoop/shared``.
    /// - Throws: ``PortError`` with ``PortError/Code/outOfResources`` where the process has no descriptors left.
    public init(limits: PortLimits = PortLimits(), on loop: EventLoop? = nil) throws(PortError) {
        let loop = if let loop { loop } else { try EventLoop.shared }
        do throws(SystemError) {
            let (first, second) = try StreamSocket.pair()
            port1 = MessagePort(adopting: first, on: loop, limits: limits)
            port2 = MessagePort(adopting: second, on: loop, limits: limits)
        } catch {
            throw .outOfResources("no channel could be made", error)
        }
    }
}
