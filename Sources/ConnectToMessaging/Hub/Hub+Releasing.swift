public import ConnectTo

extension Hub {
    /// Takes a peer out of the hub, and gives its port back with all that the peer still wants to say, for another
    /// hub or messenger to go on with: see ``Messenger/release(within:)``.
    ///
    /// The peer leaves with `CloseReason.Code.transferred`.
    ///
    /// - Parameters:
    ///   - id: the peer.
    ///   - limit: how long to wait until nothing is under way between the hub and the peer.
    /// - Throws: ``CallError``, and the peer stays: with ``CallError/Code/unknownPeer`` where the hub has no peer of
    ///   this id, and as ``Messenger/release(within:)``.
    public func release(_ id: String, within limit: Duration = .seconds(5)) async throws(CallError) -> MessagePort {
        guard let messenger = self[id] else {
            throw CallError(.unknownPeer, "the hub has no peer \"\(id)\" to release")
        }
        return try await messenger.release(within: limit)
    }
}
