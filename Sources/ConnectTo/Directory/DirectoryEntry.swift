/// A context as the directory shows it. What could not be found out is nil.
public struct DirectoryEntry: Sendable, Hashable {
    /// Its name and the origin that it lives under.
    public let context: ContextName
    /// The unique name of the connection that owns it; nil once nobody does.
    public let owner: String?
    /// The process that owns it.
    public let pid: Int32?
    /// The user that the process runs as.
    public let uid: UInt32?
    /// What the process calls itself (`/proc/PID/comm`); a hint.
    public let processName: String?
    /// What the context says of itself; nil where it did not answer within a second, or says more than 64 KiB or
    /// 1,024 keys.
    public let metadata: [String: String]?

    /// The name, as its program gave it.
    public var name: String { context.name }
    /// The application id that the name lives under.
    public var origin: String { context.origin }
}

/// Something in the directory has changed.
public struct DirectoryChange: Sendable, Hashable {
    /// What has happened.
    public enum Kind: String, Sendable {
        /// A name that nobody owned has an owner.
        case registered
        /// Nobody owns the name any more.
        case unregistered
        /// The name went over to another connection.
        case moved
    }

    /// What has happened.
    public let kind: Kind
    /// The context as it is after the change.
    public let entry: DirectoryEntry
}
