/// The connect events of a context (``Context/connectEvents``).
public typealias ConnectEvents = CallerEvents<ConnectEvent>

/// The streams that callers have opened to a context (``Context/streams``).
public typealias StreamEvents = CallerEvents<StreamEvent>

/// One event for each caller that a context has admitted: ``ConnectEvents`` or ``StreamEvents``.
///
/// The events come in the order in which the callers were admitted; those of one program are in the order of its
/// calls. ``Context/connectEvents`` says how many callers wait to be taken, and what becomes of the others.
///
/// One task takes the events. While an iterator of a context's events is in use, another iterator throws
/// ``ConnectToError/Code/alreadyTaken``. When the first is dropped, another may go on where it left off.
///
/// The context stays registered as long as this sequence, or an iterator of it, is kept.
public struct CallerEvents<Event: Sendable>: AsyncSequence, Sendable {
    public typealias Element = Event
    public typealias Failure = ConnectToError

    private let context: Context
    private let format: LineFormat
    /// Makes the event; nil where the caller's line has another format.
    private let event: @Sendable (Arrival) -> Event?

    init(of context: Context, format: LineFormat, _ event: @escaping @Sendable (Arrival) -> Event?) {
        self.context = context
        self.format = format
        self.event = event
    }

    /// For the one task that takes the events. Making the iterator claims them. If they are claimed already, its
    /// `next()` throws.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(of: context, format: format, event)
    }

    /// Takes events, one after the other. An iterator is for one task: the one that has claimed the events.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private let context: Context
        private let format: LineFormat
        private let event: @Sendable (Arrival) -> Event?
        private var arrivals: AsyncStream<Arrival>.AsyncIterator
        /// Nil where another iterator has claimed the events, or the context has another format.
        private let claim: Registration.Claim?

        fileprivate init(of context: Context, format: LineFormat, _ event: @escaping @Sendable (Arrival) -> Event?) {
            self.context = context
            self.format = format
            self.event = event
            claim = context.format.isStream == format.isStream ? context.registration.claimArrivals() : nil
            arrivals = context.registration.arrivals.makeAsyncIterator()
        }

        /// The next caller's event, when there is one; nil once the context has ended and all callers have been taken.
        /// - Throws: ``ConnectToError``: ``ConnectToError/Code/otherFormat`` where the context is registered for the
        ///   other format, so that no such event will ever come; ``ConnectToError/Code/alreadyTaken`` where another
        ///   iterator is in use; ``ConnectToError/Code/cancelled`` where the task is cancelled, which unregisters the
        ///   context: no task is left to serve its callers.
        public mutating func next() async throws(ConnectToError) -> Event? {
            try await next(isolation: nil)
        }

        /// The same, without leaving the actor.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(ConnectToError) -> Event? {
            let registration = context.registration
            if let refusal = registration.refusal(toTake: format) { throw refusal }
            guard claim != nil else {
                throw ConnectToError(
                    .alreadyTaken,
                    """
                    another task takes the \(description) already, and only one task can; pass them on from there, or \
                    let that task end first
                    """)
            }
            if let arrival = await arrivals.next(isolation: actor) {
                registration.didTake(arrival)
                return event(arrival)
            }
            if Task.isCancelled { throw ConnectToError(.cancelled, "taking the \(description) was cancelled") }
            return nil
        }

        /// What is taken, and of which context: for error messages.
        private var description: String {
            "\(format == .stream ? "streams" : "connect events") of \(context.registration.context.quoted)"
        }
    }
}

@available(*, unavailable)
extension CallerEvents.AsyncIterator: Sendable {}
