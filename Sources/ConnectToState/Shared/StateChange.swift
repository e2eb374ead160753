/// What has changed in a shared state at one path.
public struct StateChange: Sendable, Hashable {
    /// Where a change comes from.
    public enum Origin: Sendable, Hashable {
        /// This program has written it.
        case local
        /// It came over the line to this peer, whoever has written it.
        case peer(String)
    }

    /// Where: the path of a value, never of an object with members. Writing an object tells each of its values.
    public let path: StatePath
    /// The value before; nil: there was none.
    public let old: StateValue?
    /// The value now; nil: there is none any more. It is the same as ``old`` where only ``conflicts`` have changed.
    public let new: StateValue?
    /// Where it comes from; of changes that were joined, the last.
    public let origin: Origin
    /// The values that were written at the same path without knowing of the one that is shown, and are not replaced
    /// yet; empty where there is no conflict, and with ``ConflictRule/lastWriteWins``.
    public let conflicts: [StateValue]

    /// Makes a change, for tests of code that handles changes.
    public init(
        path: StatePath, old: StateValue?, new: StateValue?, origin: Origin = .local, conflicts: [StateValue] = []
    ) {
        self.path = path
        self.old = old
        self.new = new
        self.origin = origin
        self.conflicts = conflicts
    }

    /// This change, and one that came before it.
    func joined(to earlier: StateChange) -> StateChange {
        StateChange(path: path, old: earlier.old, new: new, origin: origin, conflicts: conflicts)
    }
}
