import ConnectToLinux

/// The contexts that come and go on a bus, in the bus's order, from the moment of ``snapshot`` on: no change is
/// missing between the two, and none is in both.
///
/// Up to 10,000 changes wait for a slow consumer. Beyond that the sequence throws
/// ``ConnectToError/Code/changesLost``, and the directory has to be read anew. It throws
/// ``ConnectToError/Code/busLost`` when the bus is lost. One task takes the sequence, since two would each get some
/// of the changes; cancelling the task ends it. A program that does not tell about a context within a second is not
/// asked again for ten, and its contexts come without metadata. The contexts of the snapshot have that second
/// together.
///
/// A bus that was away and has come back (``Bus/status``) has only new connections. So every name that was there
/// before is reported once: as moved where a connection owns it again by then, else as unregistered. A context that
/// returns later is reported as registered.
public struct DirectoryChanges: AsyncSequence, Sendable {
    public typealias Element = DirectoryChange
    public typealias Failure = ConnectToError

    static let queuedChanges = 10_000

    /// The contexts that were registered when the changes began, in no particular order. Of a context that has gone
    /// since, only the name is known; its end is among the changes.
    public let snapshot: [DirectoryEntry]

    let directory: Directory
    let changes: AsyncStream<News>
    /// Why the changes ended; not set where the task that takes them was cancelled.
    let failure: Latch<ConnectToError>

    enum News: Sendable {
        case changed(ContextName, OwnerWatch.Change)
        /// The bus is back, with these contexts on it.
        case returned([ContextName])
    }

    /// For the one task that takes the changes.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(
            directory: directory, base: changes.makeAsyncIterator(), failure: failure,
            known: Set(snapshot.map(\.context)))
    }

    /// Takes changes, one after the other.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let directory: Directory
        var base: AsyncStream<News>.AsyncIterator
        /// Why the changes ended; nil once that has been thrown.
        var failure: Latch<ConnectToError>?
        /// The contexts that the consumer knows to be registered.
        var known: Set<ContextName>
        /// The owners that are not to be asked just now.
        var silent = SilentOwners()
        /// The changes that are still to be told after the bus came back, in reverse order.
        var due: [(kind: DirectoryChange.Kind, context: ContextName)] = []

        /// The next change, when there is one; nil once the task has been cancelled.
        public mutating func next() async throws(ConnectToError) -> DirectoryChange? {
            try await next(isolation: nil)
        }

        /// The same, without leaving the actor.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(ConnectToError) -> DirectoryChange? {
            while true {
                if let (kind, context) = due.popLast() {
                    let owner = kind == .unregistered ? nil : (try? await directory.owner(of: context)) ?? nil
                    let entry = await directory.entry(context, owner: owner, silent)
                    return DirectoryChange(kind: kind, entry: entry)
                }
                switch await base.next(isolation: actor) {
                case .changed(let context, let change):
                    let entry = await directory.entry(context, owner: change.newOwner, silent)
                    return DirectoryChange(kind: note(context, change), entry: entry)
                case .returned(let contexts): compare(contexts)
                case nil:
                    defer { failure = nil }
                    if let error = failure?.value { throw error }
                    return nil
                }
            }
        }

        private mutating func note(
            _ context: ContextName, _ change: OwnerWatch.Change
        ) -> DirectoryChange.Kind {
            if change.newOwner == nil { known.remove(context) } else { known.insert(context) }
            switch (change.oldOwner, change.newOwner) {
            case (nil, _): return .registered
            case (_, nil): return .unregistered
            default: return .moved
            }
        }

        private mutating func compare(_ contexts: [ContextName]) {
            // The bus that came back gives the same unique names to other connections.
            silent = SilentOwners()
            let present = Set(contexts)
            due = present.map { (known.contains($0) ? .moved : .registered, $0) }
            due += known.subtracting(present).map { (.unregistered, $0) }
            known = present
        }
    }
}
