/// The streams that callers have opened to a context, in the order in which the callers were admitted; those of one
/// program are in the order of its calls.
///
/// One task takes them. While an iterator of a context's streams is in use, another iterator throws
/// ``ConnectToError/Code/alreadyTaken``. When the first is dropped, another may go on where it left off.
///
/// The context stays registered as long as this sequence, or an iterator of it, is kept.
public struct StreamEvents: AsyncSequence, Sendable {
    public typealias Element = StreamEvent
    public typealias Failure = ConnectToError

    let context: Context

    /// For the one task that takes the streams. Making the iterator claims them. If they are claimed already, its
    /// `next()` throws.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(base: ArrivalIterator(of: context, format: .stream))
    }

    /// Takes streams, one after the other.
    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate var base: ArrivalIterator

        /// The next caller's stream, when there is one; nil once the context has ended and all have been taken.
        /// - Throws: ``ConnectToError``: ``ConnectToError/Code/otherFormat`` where the context is registered for messages, so
        ///   that no stream will ever come; ``ConnectToError/Code/alreadyTaken`` where another iterator is in use;
        ///   ``ConnectToError/Code/cancelled`` where the task is cancelled, which unregisters the context: no task is left
        ///   to serve its callers.
        public mutating func next() async throws(ConnectToError) -> StreamEvent? {
            try await next(isolation: nil)
        }

        /// The same, without leaving the actor.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(ConnectToError) -> StreamEvent? {
            try await base.next(isolation: actor)?.streamEvent
        }
    }
}

/// An iterator is for one task: the one that has claimed the streams.
@available(*, unavailable)
extension StreamEvents.AsyncIterator: Sendable {}
