import ConnectTo

extension ConnectEvent {
    /// Why the peer, which has ended, has not got all that there was for it; nil if it has. Of messages it says how many
    /// it has taken, and whether it was done.
    /// - Parameter hasRest: whether there is input that was not sent.
    func untaken(hasRest: () async -> Bool = { false }) async -> Failure? {
        // What it has not taken then is no loss.
        if source.peerWasDone { return nil }
        let hasRest = await hasRest()
        let undelivered = source.undeliveredCount
        if undelivered == 0, !hasRest { return nil }
        return Failure.untaken(by: peer.label, undelivered: undelivered, hasRest: hasRest)
    }
}
