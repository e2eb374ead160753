public import ConnectTo

extension Messenger {
    /// Asks the other program, and waits for its answer.
    ///
    /// - Parameters:
    ///   - request: what is asked.
    ///   - query: the question.
    ///   - peer: which peer of the hub on the other side is asked; nil: the other side itself.
    ///   - limit: how long to wait in all; 5 s if not set, and never longer than a handler has that asks in turn.
    /// - Throws: ``CallError``.
    public nonisolated(nonsending) func request<Query, Answer>(
        _ request: Request<Query, Answer>, _ query: Query, to peer: String? = nil, within limit: Duration? = .seconds(5)
    ) async throws(CallError) -> Answer {
        let payload = try OutgoingMessage.payload(query)
        return try await self.request(request.type, payload, to: peer, within: limit).decode()
    }

    /// Asks the other program a question without a payload.
    public nonisolated(nonsending) func request<Answer>(
        _ request: Request<NoPayload, Answer>, to peer: String? = nil, within limit: Duration? = .seconds(5)
    ) async throws(CallError) -> Answer {
        try await self.request(request.type, nil, to: peer, within: limit).decode()
    }

    /// Asks the other program a question of a type that is known only now.
    public nonisolated(nonsending) func request(
        _ type: String, _ payload: OutgoingMessage? = nil, to peer: String? = nil,
        within limit: Duration? = .seconds(5)
    ) async throws(CallError) -> Payload {
        try await run(
            PendingCall(
                type: try Self.name(type, to: peer), payload: payload,
                compressed: line.compressed(payload), wantsMany: false, deadline: Self.deadline(limit)))
    }

    /// Waits until the other program has started the handlers of everything that was sent before.
    public nonisolated(nonsending) func barrier(within limit: Duration? = .seconds(5)) async throws(CallError) {
        _ = try await run(PendingCall(type: "", payload: nil, wantsMany: false, deadline: Self.deadline(limit)))
    }

    /// Asks for many answers.
    ///
    /// Nothing is sent before the first element is taken. Leaving the loop cancels the other program's handler. At
    /// most sixteen elements wait here; the other program's handler waits then.
    ///
    /// - Parameters:
    ///   - request: what is asked.
    ///   - query: the question.
    ///   - peer: which peer of the hub on the other side is asked; nil: the other side itself.
    ///   - limit: how long all of it may take, from the first element's taking on; as long as it takes if not set.
    /// - Throws: ``CallError`` with ``CallError/Code/notEncodable``.
    public func stream<Query, Element>(
        _ request: StreamRequest<Query, Element>, _ query: Query, to peer: String? = nil, within limit: Duration? = nil
    ) throws(CallError) -> CallStream<Element> {
        let payload = try OutgoingMessage.payload(query)
        return CallStream(payloads: try stream(request.type, payload, to: peer, within: limit))
    }

    /// Asks for many answers, of a type that is known only now.
    public func stream(
        _ type: String, _ payload: OutgoingMessage? = nil, to peer: String? = nil, within limit: Duration? = nil
    ) throws(CallError) -> CallPayloads {
        CallPayloads(line: line, type: try Self.name(type, to: peer), payload: payload, limit: limit)
    }

    nonisolated(nonsending) func run(_ call: PendingCall) async throws(CallError) -> Payload {
        CallContext.current?.call?.givePlaceBack()
        switch await line.next(of: call, isFirst: true) {
        case .result(let payload), .element(let payload): return payload
        case .failed(let error): throw error
        }
    }

    /// The earlier of a limit and the deadline of the handler that runs in this task.
    static func deadline(_ limit: Duration?) -> Deadline? {
        let own = limit.map { Deadline(in: $0) }
        let inherited = CallContext.current?.call?.deadline
        if let own, let inherited { return min(own, inherited) }
        return own ?? inherited
    }

    /// What a type is called on the wire.
    static func name(_ type: String, to peer: String?) throws(CallError) -> String {
        if let fault = TypeName.fault(of: type) { throw CallError(.notEncodable, fault) }
        let name = Addressed(type, address: peer).name
        guard name.utf8.count <= TypeName.limit else {
            throw CallError(
                .notEncodable,
                "a type has \(TypeName.limit) bytes at most, the peer's id included, and \"\(name.prefix(40))…\" has \(name.utf8.count)"
            )
        }
        return name
    }
}
