import LinuxIO

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
    /// - Parameter loop: where both ends live; by default ``EventLoop/shared``.
    /// - Throws: as ``init(on:)``.
    public static func makePair(
        on loop: EventLoop? = nil
    ) throws(PortError) -> (MessagePort, MessagePort) {
        let channel = try MessageChannel(on: loop)
        return (channel.port1, channel.port2)
    }

    /// - Parameter loop: where both ends live; by default ``EventLoop/shared``.
    /// - Throws: ``PortError`` with ``PortError/Code/outOfResources`` where the process has no descriptors left.
    public init(on loop: EventLoop? = nil) throws(PortError) {
        let loop = if let loop { loop } else { try EventLoop.shared }
        do throws(SystemError) {
            let (first, second) = try StreamSocket.pair()
            port1 = MessagePort(adopting: first, on: loop)
            port2 = MessagePort(adopting: second, on: loop)
        } catch {
            throw PortError(
                .outOfResources, "no channel could be made: \(error); close what is not needed", cause: error)
        }
    }
}
