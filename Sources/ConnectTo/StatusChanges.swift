/// A status when a task begins to take it, and each status that follows: see ``Bus/statusChanges`` and
/// ``Context/statusChanges``.
///
/// It ends after the last status that there can be, and when the task is cancelled. Any number of tasks may take it,
/// each at its own pace. For a slow task the newest 64 are kept.
public struct StatusChanges<Status: Equatable & Sendable>: AsyncSequence, Sendable {
    public typealias Element = Status
    public typealias Failure = Never

    let board: StatusBoard<Status>

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(base: board.statuses().makeAsyncIterator()) }

    /// Takes one status after the other.
    public struct AsyncIterator: AsyncIteratorProtocol {
        var base: AsyncStream<Status>.AsyncIterator

        /// The status at first, then each change; nil after the last status.
        public mutating func next() async -> Status? { await base.next() }

        /// The same, without leaving the actor.
        public mutating func next(isolation actor: isolated (any Actor)?) async -> Status? {
            await base.next(isolation: actor)
        }
    }
}
