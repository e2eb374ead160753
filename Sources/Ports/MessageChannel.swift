import LinuxIO

/// Two entangled ports in one process: what one posts, the other receives.
///
/// The ends are alike. Hand one to another part of the program.
public struct MessageChannel: Sendable {
    /// The one end.
    public let port1: MessagePort
    /// The other.
    public let port2: MessagePort

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
