import ConnectToPorts

/// Takes a context's callers, one after the other, for a taker of one format: what ``ConnectEvents`` and
/// ``StreamEvents`` have in common.
struct ArrivalIterator {
    private let context: Context
    private let format: LineFormat
    private var base: AsyncStream<Arrival>.AsyncIterator
    /// Nil where another iterator has claimed the callers, or the context has another format.
    private let claim: Registration.Claim?

    init(of context: Context, format: LineFormat) {
        self.context = context
        self.format = format
        claim = context.format == format ? context.registration.claimArrivals() : nil
        base = context.registration.arrivals.makeAsyncIterator()
    }

    /// - Throws: ``ConnectToError``, as ``ConnectEvents`` and ``StreamEvents`` say.
    mutating func next(isolation actor: isolated (any Actor)?) async throws(ConnectToError) -> Arrival? {
        let name = context.registration.context.quoted
        if let refusal = context.registration.refusal(toTake: format) { throw refusal }
        guard claim != nil else {
            throw ConnectToError(
                .alreadyTaken,
                """
                another task takes the \(format == .stream ? "streams" : "connect events") of \(name) already, and each of \
                them goes to one task; hand them on from there, or let that task end first
                """)
        }
        if let arrival = await base.next(isolation: actor) {
            context.registration.didTake(arrival)
            return arrival
        }
        if Task.isCancelled {
            let what = format == .stream ? "streams" : "connect events"
            throw ConnectToError(.cancelled, "taking the \(what) of \(name) was cancelled")
        }
        return nil
    }
}
