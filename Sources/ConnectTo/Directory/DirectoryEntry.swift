/// A context as the directory shows it. What could not be learnt is nil.
public struct DirectoryEntry: Sendable, Hashable {
    /// The context's name and the origin that it lives under.
    public let context: ContextName
    /// The unique name of the connection that owns the context's name; nil once no connection does.
    public let owner: String?
    /// The id of the process that owns the name.
    public let pid: Int32?
    /// The id of the user that the process runs as.
    public let uid: UInt32?
    /// What the process calls itself (`/proc/PID/comm`); a hint.
    public let processName: String?
    /// What the context says of itself; nil where it did not answer within a second, or says more than 64 KiB or
    /// 1,024 keys.
    public let metadata: [String: String]?

    /// For tests of code that shows a directory; entries of a bus come from ``Bus/directory(origin:)``.
    public init(
        context: ContextName, owner: String? = nil, pid: Int32? = nil, uid: UInt32? = nil, processName: String? = nil,
        metadata: [String: String]? = nil
    ) {
        self.context = context
        self.owner = owner
        self.pid = pid
        self.uid = uid
        self.processName = processName
        self.metadata = metadata
    }

    /// The name, as its program gave it.
    public var name: String { context.name }
    /// The application id that the name lives under.
    public var origin: String { context.origin }
}

/// A change in the directory.
public struct DirectoryChange: Sendable, Hashable {
    /// What can happen; compare with the constants. New ones may come, so a `switch` needs a default.
    public struct Kind: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
        /// The kind as it stands in JSON output and in logs.
        public let rawValue: String

        /// A kind from a log, to compare with.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// A name that had no owner has one now.
        public static let registered = Kind(rawValue: "registered")
        /// The name has no owner any more.
        public static let unregistered = Kind(rawValue: "unregistered")
        /// The name went over to another connection.
        public static let moved = Kind(rawValue: "moved")

        public var description: String { rawValue }
    }

    /// What has happened to the context.
    public let kind: Kind
    /// The context as it is after the change.
    public let entry: DirectoryEntry

    /// For tests of code that handles changes; the changes of a bus come from ``Bus/changes(origin:)``.
    public init(kind: Kind, entry: DirectoryEntry) {
        self.kind = kind
        self.entry = entry
    }
}
