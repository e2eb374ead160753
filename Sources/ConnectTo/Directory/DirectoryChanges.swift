/// What comes and goes on a bus, in the bus's order, from the moment of ``snapshot`` on: nothing is missing
/// between the two, and nothing stands in both.
///
/// Up to 10,000 changes wait for a slow consumer; then the sequence throws
/// ``ConnectToError/Code/changesLost``, and the directory is to be read anew. It throws
/// ``ConnectToError/Code/busLost`` when the bus goes. One task takes it; cancelling the task ends it.
public struct DirectoryChanges: AsyncSequence, Sendable {
    public typealias Element = DirectoryChange
    public typealias Failure = ConnectToError

    static let queuedChanges = 10_000

    /// What was registered when the changes began, in no particular order. Of what has gone since nothing but
    /// the name is known; that it went is among the changes.
    public let snapshot: [DirectoryEntry]

    let directory: Directory
    let changes: AsyncThrowingStream<OwnerWatch.Change, any Error>

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(directory: directory, base: changes.makeAsyncIterator())
    }

    public struct AsyncIterator: AsyncIteratorProtocol {
        let directory: Directory
        var base: AsyncThrowingStream<OwnerWatch.Change, any Error>.AsyncIterator

        public mutating func next() async throws(ConnectToError) -> DirectoryChange? {
            try await next(isolation: nil)
        }

        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(ConnectToError) -> DirectoryChange? {
            do {
                while let change = try await base.next(isolation: actor) {
                    guard let context = ContextName(busName: change.name) else { continue }
                    let kind: DirectoryChange.Kind =
                        switch (change.oldOwner, change.newOwner) {
                        case (nil, _): .registered
                        case (_, nil): .unregistered
                        default: .moved
                        }
                    let entry = await directory.entry(context, owner: change.newOwner)
                    return DirectoryChange(kind: kind, entry: entry)
                }
                return nil
            } catch let error as ConnectToError {
                throw error
            } catch {
                throw ConnectToError(.cancelled, "watching was given up: \(error)", cause: error)
            }
        }
    }
}
