import ConnectTo

extension ConnectEvent {
    /// The failure to report if the peer, which has ended, has not received everything that was meant for it; nil if it
    /// has. The port knows how many messages the peer has not taken, and whether the peer was done.
    /// - Parameter hasRest: whether there is input that was not sent.
    func untakenFailure(hasRest: () async -> Bool = { false }) async -> Failure? {
        // A peer that was done wanted nothing more, so what it has not taken is no loss.
        if source.peerWasDone { return nil }
        let hasRest = await hasRest()
        let undelivered = source.undeliveredCount
        if undelivered == 0, !hasRest { return nil }
        return Failure.untaken(by: peer.label, undelivered: undelivered, hasRest: hasRest)
    }
}
