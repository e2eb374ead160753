public import ConnectTo

extension Hub {
    /// A peer that did not get an event, and why.
    public struct Skipped: Sendable {
        /// The peer that was skipped. It stays connected, unless its line has ended.
        public let peer: HubPeer
        /// ``CallError/Code/queueFull`` where it takes events too slowly (``MessengerOptions/queuedEvents``),
        /// ``CallError/Code/lineEnded`` where its line has ended just now.
        public let error: CallError
    }

    /// Tells all peers something. Never waits, and a peer that is slow, stopped or gone delays no other.
    ///
    /// The event is encoded once. Each peer gets the events of one task in their order, and a peer that was skipped
    /// gets later ones again, as soon as it has taken enough of what waits for it.
    ///
    /// ```swift
    /// hub.on(Dashboard.themeChange) { [weak hub] theme, context in
    ///     try? hub?.broadcast(Dashboard.themeChange, theme, except: context.peerID)
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - event: what kind of thing it is.
    ///   - content: what is told.
    ///   - id: a peer that does not get it, such as the one that it comes from.
    /// - Returns: the peers that were skipped, and why; empty where all took it.
    /// - Throws: ``CallError`` with ``CallError/Code/notEncodable``; then no peer has got it.
    @discardableResult
    public func broadcast<Content>(
        _ event: Event<Content>, _ content: Content, except id: String? = nil
    ) throws(CallError) -> [Skipped] {
        try broadcast(event.type, try .payload(content), except: id)
    }

    /// Tells all peers something of a type that is known only now.
    ///
    /// ```swift
    /// hub.onUnknown { [weak hub] type, payload, context in
    ///     _ = try? hub?.broadcast(type, .forwarding(payload), from: context.peerID, except: context.peerID)
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - type: the event's name.
    ///   - payload: what is told; nil: nothing but the type.
    ///   - sender: the peer that it comes from, which the others find in ``CallContext/sender``; the hub itself if nil.
    ///   - id: a peer that does not get it.
    /// - Returns: the peers that were skipped, and why; empty where all took it.
    /// - Throws: ``CallError`` with ``CallError/Code/notEncodable``, also for a payload that transfers something, which
    ///   only one peer could take; then no peer has got it.
    @discardableResult
    public func broadcast(
        _ type: String, _ payload: OutgoingMessage? = nil, from sender: String? = nil, except id: String? = nil
    ) throws(CallError) -> [Skipped] {
        try payload?.checkIsForMany()
        let event = try Broadcast(Head(.event, name: try Messenger.name(type, to: sender)), payload)
        var skipped: [Skipped] = []
        for spoke in table.spokes where id == nil || spoke.peer.id != id {
            do throws(CallError) {
                let line = spoke.line.line
                if try line.post(event) { continue }
                guard let reason = line.closeReason else { continue }
                skipped.append(Skipped(peer: spoke.peer, error: .lineEnded(reason, .waiting)))
            } catch {
                skipped.append(Skipped(peer: spoke.peer, error: error))
            }
        }
        return skipped
    }
}

extension OutgoingMessage {
    /// Checks that the message can go to several peers.
    func checkIsForMany() throws(CallError) {
        if transfer.isEmpty { return }
        throw CallError(
            .notEncodable,
            "a message to many peers cannot transfer anything, since only one of them could take it; send it to one peer"
        )
    }
}
