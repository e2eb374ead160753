/// Connect events, in the order in which the callers were admitted: those of one program in the order of its
/// calls.
///
/// One task takes them. While an iterator of a context's connect events is in use, another one throws
/// ``ConnectToError/Code/alreadyTaken``; when the first is dropped, another may go on where it left off.
///
/// The context is registered as long as this, or an iterator of it, is kept.
public struct ConnectEvents: AsyncSequence, Sendable {
    public typealias Element = ConnectEvent
    public typealias Failure = ConnectToError

    let context: Context

    /// For the one task that takes them. Making the iterator claims the events; if they are claimed already, its `next()`
    /// throws.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(context)
    }

    /// Takes connect events, one after the other.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private let context: Context
        private var base: AsyncStream<ConnectEvent>.AsyncIterator
        /// Nil where another iterator has the events.
        private let claim: Registration.Claim?

        init(_ context: Context) {
            self.context = context
            claim = context.registration.claimEvents()
            base = context.registration.events.makeAsyncIterator()
        }

        /// The next caller, when there is one; nil once the context has ended and all callers have been taken.
        /// - Throws: ``ConnectToError``: ``ConnectToError/Code/alreadyTaken`` where another iterator is in use;
        ///   ``ConnectToError/Code/cancelled`` where the task is cancelled, which unregisters the context: no task is left
        ///   to serve its callers.
        public mutating func next() async throws(ConnectToError) -> ConnectEvent? {
            try await next(isolation: nil)
        }

        /// The same, without leaving the actor.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(ConnectToError) -> ConnectEvent? {
            let name = context.registration.context.quoted
            guard claim != nil else {
                throw ConnectToError(
                    .alreadyTaken,
                    """
                    another task takes the connect events of \(name) already, and each of them goes to one task; hand them \
                    on from there, or let that task end first
                    """)
            }
            if let event = await base.next(isolation: actor) {
                context.registration.didTake(event)
                return event
            }
            if Task.isCancelled {
                throw ConnectToError(.cancelled, "taking the connect events of \(name) was cancelled")
            }
            return nil
        }
    }
}

/// One task takes them, with the one iterator that has the claim.
@available(*, unavailable)
extension ConnectEvents.AsyncIterator: Sendable {}
