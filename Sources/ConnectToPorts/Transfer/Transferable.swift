/// A thing that can be transferred with a message and then belongs to the receiver: a port, an open file or shared
/// memory.
///
///     let picture = try SharedBuffer(count: 16 << 20)
///     try port.postMessage(.text("draw", transfer: [.port(channel.port2), .buffer(picture)]))
///
/// After posting, the thing is unusable here (``isDetached``), except for a buffer that is shared. If posting throws,
/// nothing has been given away.
public struct Transferable: Sendable {
    /// The kind of a transferable thing; compare with the constants. Later versions may add kinds, so a `switch` needs
    /// a default.
    public struct Kind: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
        /// The kind as it stands in logs.
        public let rawValue: String

        /// Makes a kind from its name in a log, to compare with.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// A ``MessagePort``, with the messages that it has received and not delivered.
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

    /// A port. It has to be open, not the port that the message is posted on, and only once in the list.
    public static func port(_ port: MessagePort) -> Transferable { Transferable(content: .port(port)) }
    /// An open file.
    public static func file(_ file: OpenFile) -> Transferable { Transferable(content: .file(file)) }
    /// Memory that moves or is shared, according to ``SharedBuffer/mode``.
    public static func buffer(_ buffer: SharedBuffer) -> Transferable { Transferable(content: .buffer(buffer)) }

    /// Whether it is a port, a file or a buffer.
    public var kind: Kind {
        switch content {
        case .port: .port
        case .file: .file
        case .buffer: .buffer
        }
    }

    /// The port, if it is one; otherwise nil.
    public var port: MessagePort? { if case .port(let port) = content { port } else { nil } }
    /// The file, if it is one; otherwise nil.
    public var file: OpenFile? { if case .file(let file) = content { file } else { nil } }
    /// The buffer, if it is one; otherwise nil.
    public var buffer: SharedBuffer? { if case .buffer(let buffer) = content { buffer } else { nil } }

    /// Whether the thing has been given away or, for a port, is closed on this side.
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

    /// Closes the thing, also where other code has a reference to it, such as the message that it came with: see
    /// ``MessagePort/close()``, ``OpenFile/close()`` and ``SharedBuffer/close()``.
    ///
    /// A program that has no use for what a message brings closes it, or drops the message: until then the peers of the
    /// ports wait, and the descriptors count against the limits of this process.
    public func close() {
        switch content {
        case .port(let port): port.close()
        case .file(let file): file.close()
        case .buffer(let buffer): buffer.close()
        }
    }
}
