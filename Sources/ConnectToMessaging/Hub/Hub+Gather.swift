public import ConnectTo

extension Hub {
    /// Asks all peers at the same time, and gives their answers as they come.
    ///
    /// ```swift
    /// for await (peer, result) in try hub.gather(Dashboard.status, StatusQuery(), within: .seconds(5)) {
    ///     switch result {
    ///     case .success(let status): show(peer, status)
    ///     case .failure(let error): print("\(peer): \(error)")
    ///     }
    /// }
    /// ```
    ///
    /// Nothing is sent before the first answer is waited for. Then all peers that are there are asked, and each gives
    /// exactly one result: its answer, or a ``CallError``. A peer that does not answer in time, and one that goes,
    /// delays no other. Leaving the loop gives up what is under way; so does the cancellation of its task, and the
    /// loop then goes on with ``CallError/Code/cancelled`` for each peer that has not answered.
    ///
    /// What has arrived waits here until it is taken: one answer for each peer at the most.
    ///
    /// - Parameters:
    ///   - request: what is asked.
    ///   - query: the question.
    ///   - id: a peer that is not asked.
    ///   - limit: how long to wait for all of them, from the first answer's taking on; 5 s if not set, and never longer
    ///     than a handler has that asks in turn.
    /// - Throws: ``CallError`` with ``CallError/Code/notEncodable``; then no peer was asked.
    public func gather<Query, Answer>(
        _ request: Request<Query, Answer>, _ query: Query, except id: String? = nil,
        within limit: Duration? = .seconds(5)
    ) throws(CallError) -> HubAnswers<Answer> {
        let payload = try OutgoingMessage.payload(query)
        return HubAnswers(payloads: try gather(request.type, payload, except: id, within: limit))
    }

    /// Asks all peers a question without a payload.
    public func gather<Answer>(
        _ request: Request<NoPayload, Answer>, except id: String? = nil, within limit: Duration? = .seconds(5)
    ) throws(CallError) -> HubAnswers<Answer> {
        try gather(request, NoPayload(), except: id, within: limit)
    }

    /// Tells all peers something, and waits until all of their handlers of this event have returned: a broadcast with
    /// acknowledgement. A peer that does not hear such events gives ``CallError/Code/unknownType``.
    ///
    /// Otherwise as ``gather(_:_:except:within:)-(Request<Query,Answer>,_,_,_)``.
    public func gather<Content>(
        _ event: Event<Content>, _ content: Content, except id: String? = nil, within limit: Duration? = .seconds(5)
    ) throws(CallError) -> HubAnswers<NoPayload> {
        try gather(Request<Content, NoPayload>(event.type), content, except: id, within: limit)
    }

    /// Asks all peers a question of a type that is known only now.
    ///
    /// - Throws: ``CallError`` with ``CallError/Code/notEncodable``, also for a payload that transfers something, which
    ///   only one peer could take; then no peer was asked.
    public func gather(
        _ type: String, _ payload: OutgoingMessage? = nil, except id: String? = nil,
        within limit: Duration? = .seconds(5)
    ) throws(CallError) -> HubPayloads {
        let name = try Messenger.name(type, to: nil)
        try payload?.checkIsForMany()
        return HubPayloads(table: table, type: name, payload: payload, except: id, limit: limit)
    }
}
