public import ConnectTo

extension Messenger {
    /// Tells the other program something. Never waits.
    ///
    /// - Returns: false where the line is over, so that nobody will hear of it.
    /// - Throws: ``CallError`` with ``CallError/Code/queueFull`` where the other program takes events too slowly
    ///   (``MessengerLimits/queuedEvents``), and ``CallError/Code/notEncodable``.
    @discardableResult
    public func post<Content>(_ event: Event<Content>, _ content: Content) throws(CallError) -> Bool {
        try post(event.type, try .payload(content))
    }

    /// Tells the other program something of a type that is known only now.
    @discardableResult
    public func post(_ type: String, _ payload: OutgoingMessage? = nil) throws(CallError) -> Bool {
        try Self.check(type)
        let envelope = Envelope(operation: .event(type: type))
        return try line.post(envelope.message(payload), cost: envelope.cost(payload))
    }
}
