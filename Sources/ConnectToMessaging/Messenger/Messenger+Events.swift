public import ConnectTo

extension Messenger {
    /// Tells the other program something. Never waits.
    ///
    /// - Parameters:
    ///   - event: what kind of thing it is.
    ///   - content: what is told.
    ///   - peer: for which peer of the hub on the other side; nil: for the other side itself.
    /// - Returns: false where the line is over, so that nobody will hear of it.
    /// - Throws: ``CallError`` with ``CallError/Code/queueFull`` where the other program takes events too slowly
    ///   (``MessengerOptions/queuedEvents``), and ``CallError/Code/notEncodable``.
    @discardableResult
    public func post<Content>(
        _ event: Event<Content>, _ content: Content, to peer: String? = nil
    ) throws(CallError) -> Bool {
        try post(event.type, try .payload(content), to: peer)
    }

    /// Tells the other program something of a type that is known only now.
    @discardableResult
    public func post(
        _ type: String, _ payload: OutgoingMessage? = nil, to peer: String? = nil
    ) throws(CallError) -> Bool {
        let head = Head(.event, name: try Self.name(type, to: peer))
        return try line.post(head, payload, compressed: line.compressed(payload))
    }

    /// Tells the other program something, and waits until all of its handlers of this event have returned.
    ///
    /// It travels as a request: a request of a type that has handlers of events alone is answered when they have
    /// returned. So it waits for a place rather than being refused.
    ///
    /// - Throws: ``CallError``; with ``CallError/Code/unknownType`` where the other program does not hear such events.
    public func send<Content>(
        _ event: Event<Content>, _ content: Content, to peer: String? = nil, within limit: Duration? = .seconds(5)
    ) async throws(CallError) {
        _ = try await request(event.type, try .payload(content), to: peer, within: limit)
    }
}
