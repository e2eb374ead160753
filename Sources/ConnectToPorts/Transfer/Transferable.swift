/// What can go along with a message and then belongs to the receiver.
///
/// Once posted it is unusable here (a buffer that is shared excepted): ``isDetached``. If posting throws,
/// nothing has been given away.
public enum Transferable: Sendable {
    case port(MessagePort)
    case file(OpenFile)
    case buffer(SharedBuffer)

    /// Whether it has been given away, or, of a port, is closed on this side.
    public var isDetached: Bool {
        switch self {
        case .port(let port): port.isDetached
        case .file(let file): file.isDetached
        case .buffer(let buffer): buffer.isDetached
        }
    }

    var identity: ObjectIdentifier {
        switch self {
        case .port(let port): ObjectIdentifier(port)
        case .file(let file): ObjectIdentifier(file)
        case .buffer(let buffer): ObjectIdentifier(buffer)
        }
    }
}
