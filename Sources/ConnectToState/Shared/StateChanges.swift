/// The changes of a shared state, one path after the other: see ``SharedState/changes(at:)``.
///
/// It begins when it is made, not when its loop begins. One task takes it, at its own pace. For a slow task, changes at
/// the same path that it has not taken yet are joined: the old value is that of the first, and the new one that of the
/// last. So no more than one change waits for each path, and what the task knows is never wrong, only late. A value
/// that is back at what it was is not told.
public struct StateChanges: AsyncSequence, Sendable {
    public typealias Element = StateChange
    public typealias Failure = Never

    let subscription: StateSubscription<ChangeQueue>

    /// The same, all that waits at a time: whole transactions, so that a program that draws what it hears never draws
    /// half of one.
    public var sets: StateChangeSets { StateChangeSets(subscription: subscription) }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(subscription: subscription) }

    /// Takes one change after the other.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let subscription: StateSubscription<ChangeQueue>

        /// The next change; nil once the state is closed or dropped, and where the task is cancelled.
        public mutating func next() async -> StateChange? { await subscription.queue.next(isolation: nil) }

        /// The same, without leaving the actor.
        public mutating func next(isolation actor: isolated (any Actor)?) async -> StateChange? {
            await subscription.queue.next(isolation: actor)
        }
    }
}

/// The changes of a shared state, whole transactions at a time: see ``StateChanges/sets``.
///
/// Each element holds what has changed since the one before was taken, each path once.
public struct StateChangeSets: AsyncSequence, Sendable {
    public typealias Element = [StateChange]
    public typealias Failure = Never

    let subscription: StateSubscription<ChangeQueue>

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(subscription: subscription) }

    /// Takes one set after the other.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let subscription: StateSubscription<ChangeQueue>

        /// All that has changed, at least one path; nil once the state is closed or dropped, and where the task is
        /// cancelled.
        public mutating func next() async -> [StateChange]? { await subscription.queue.all(isolation: nil) }

        /// The same, without leaving the actor.
        public mutating func next(isolation actor: isolated (any Actor)?) async -> [StateChange]? {
            await subscription.queue.all(isolation: actor)
        }
    }
}
