/// What can go along with a message and then belongs to the receiver: a port, an open file or shared memory.
///
///     let picture = try SharedBuffer(count: 16 << 20)
///     try port.postMessage("draw", transfer: [.port(channel.port2), .buffer(picture)])
///
/// Once posted it is unusable here (a buffer that is shared excepted): ``isDetached``. If posting throws,
/// nothing has been given away.
public struct Transferable: Sendable {
    /// What something transferable is; compare with the constants. New ones may come, so a `switch` needs a default.
    public struct Kind: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
        /// The kind as it stands in logs.
        public let rawValue: String

        /// A kind from a log, to compare with.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// A ``MessagePort``, with what it has received and not delivered.
        public static let port = Kind(rawValue: "port")
        /// An ``OpenFile``.
        public static let file = Kind(rawValue: "file")
        /// A ``SharedBuffer``.
        public static let buffer = Kind(rawValue: "buffer")

        public var description: String { rawValue }
    }

    enum Content {
        case port(MessagePort)
        case file(OpenFile)
        case buffer(SharedBuffer)
    }

    let content: Content

    /// A port: open, not the one that it is posted on, and not posted twice.
    public static func port(_ port: MessagePort) -> Transferable { Transferable(content: .port(port)) }
    /// An open file.
    public static func file(_ file: OpenFile) -> Transferable { Transferable(content: .file(file)) }
    /// Memory, which moves or is shared, as ``SharedBuffer/mode`` says.
    public static func buffer(_ buffer: SharedBuffer) -> Transferable { Transferable(content: .buffer(buffer)) }

    /// Which of them it is.
    public var kind: Kind {
        switch content {
        case .port: .port
        case .file: .file
        case .buffer: .buffer
        }
    }

    /// The port, where it is one; else nil.
    public var port: MessagePort? { if case .port(let port) = content { port } else { nil } }
    /// The file, where it is one; else nil.
    public var file: OpenFile? { if case .file(let file) = content { file } else { nil } }
    /// The buffer, where it is one; else nil.
    public var buffer: SharedBuffer? { if case .buffer(let buffer) = content { buffer } else { nil } }

    /// Whether it has been given away, or, of a port, is closed on this side.
    public var isDetached: Bool {
        switch content {
        case .port(let port): port.isDetached
        case .file(let file): file.isDetached
        case .buffer(let buffer): buffer.isDetached
        }
    }

    var identity: ObjectIdentifier {
        switch content {
        case .port(let port): ObjectIdentifier(port)
        case .file(let file): ObjectIdentifier(file)
        case .buffer(let buffer): ObjectIdentifier(buffer)
        }
    }

    /// Closes it, whoever else has a reference: the message that it came with, for one.
    package func letGo() {
        switch content {
        case .port(let port): port.close()
        case .file(let file): _ = file.take()
        case .buffer(let buffer): _ = buffer.take()
        }
    }
}
