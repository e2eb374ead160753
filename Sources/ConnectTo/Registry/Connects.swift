/// Connect events, in the order in which the callers were admitted: those of one program in the order of its
/// calls.
///
/// The context is registered as long as this, or an iterator of it, is kept.
public struct Connects: AsyncSequence, Sendable {
    public typealias Element = ConnectEvent
    public typealias Failure = Never

    let context: Context

    /// For the one task that takes them.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(context: context, base: context.registration.events.makeAsyncIterator())
    }

    /// Takes connect events, one after the other.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let context: Context
        var base: AsyncStream<ConnectEvent>.AsyncIterator

        /// The next caller, when there is one; nil once the context has ended and all have been taken.
        public mutating func next() async -> ConnectEvent? {
            taken(await base.next())
        }

        /// The same, without leaving the actor.
        public mutating func next(isolation actor: isolated (any Actor)?) async -> ConnectEvent? {
            taken(await base.next(isolation: actor))
        }

        private func taken(_ event: ConnectEvent?) -> ConnectEvent? {
            if let event { context.registration.didTake(event) }
            return event
        }
    }
}
