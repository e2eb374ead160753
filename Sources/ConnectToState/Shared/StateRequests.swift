public import ConnectToMessaging

/// What a program without a replica can ask one that has: all of it JSON, with a path as a JSON pointer (`/user/name`).
///
/// A program that only reads or writes a little asks, so that no replica of it is counted for ever. In a shell:
/// `connect call settings state/get '{"path": "/user/name"}'`.
///
/// ```swift
/// let settings = try await bus.messenger(to: "settings")
/// let name = try await settings.request(StateRequests.get, StateQuery("user.name")).value
/// ```
public enum StateRequests {
    /// The value at a path.
    public static let get = Request<StateQuery, StateAnswer>("state/get")
    /// Writes a value. It is answered when the replica that was asked has it.
    public static let set = Request<StateWrite, NoPayload>("state/set")
    /// Removes what is at a path.
    public static let remove = Request<StateQuery, NoPayload>("state/remove")
    /// The conflicts at a path and below.
    public static let conflicts = Request<StateQuery, StateConflicts>("state/conflicts")
    /// The changes at a path and below, as they happen.
    public static let watch = StreamRequest<StateWatch, StateNews>("state/watch")
}

/// Which values are asked for.
public struct StateQuery: Codable, Sendable {
    /// The path; the whole state if nil.
    public var path: StatePath?

    /// Asks for a path.
    public init(_ path: StatePath? = nil) { self.path = path }
}

/// A value that was asked for.
public struct StateAnswer: Codable, Sendable {
    /// The value; nil (in JSON: missing) where there is none, which is another thing than null.
    public var value: StateValue?

    /// Makes an answer.
    public init(value: StateValue?) { self.value = value }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        value = container.contains(.value) ? try container.decode(StateValue.self, forKey: .value) : nil
    }
}

/// A value that is to be written.
public struct StateWrite: Codable, Sendable {
    public var path: StatePath
    public var value: StateValue

    /// Writes a value at a path.
    public init(_ path: StatePath, _ value: StateValue) {
        self.path = path
        self.value = value
    }
}

/// The conflicts at a path and below.
public struct StateConflicts: Codable, Sendable {
    /// In the order of the paths.
    public var conflicts: [Conflict]

    /// Values that were written at one path at the same time.
    public struct Conflict: Codable, Sendable {
        public var path: StatePath
        /// The value that is shown.
        public var value: StateValue
        /// The others, the latest last.
        public var others: [StateValue]
    }
}

/// Which changes are to be told.
public struct StateWatch: Codable, Sendable {
    /// The path at which and below which changes are told; everywhere if nil.
    public var path: StatePath?
    /// Whether the values that are there come first, each as a change without an old value. Without a gap to the changes
    /// after them. False if nil.
    public var current: Bool?

    /// Watches a path.
    public init(_ path: StatePath? = nil, current: Bool? = nil) {
        self.path = path
        self.current = current
    }
}

/// A change, as it is told to a program without a replica.
public struct StateNews: Codable, Sendable {
    public var path: StatePath
    /// The value before; nil (in JSON: missing): there was none.
    public var old: StateValue?
    /// The value now; nil (in JSON: missing): there is none.
    public var new: StateValue?
    /// The peer over whose line it came to the replica that tells it; nil (missing): that program's own.
    public var origin: String?
    /// The values in conflict with the new one; nil (missing): none.
    public var conflicts: [StateValue]?

    init(_ change: StateChange) {
        path = change.path
        old = change.old
        new = change.new
        if case .peer(let name) = change.origin { origin = name }
        conflicts = change.conflicts.isEmpty ? nil : change.conflicts
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        path = try container.decode(StatePath.self, forKey: .path)
        // Null is a value.
        old = container.contains(.old) ? try container.decode(StateValue.self, forKey: .old) : nil
        new = container.contains(.new) ? try container.decode(StateValue.self, forKey: .new) : nil
        origin = try container.decodeIfPresent(String.self, forKey: .origin)
        conflicts = try container.decodeIfPresent([StateValue].self, forKey: .conflicts)
    }
}
