import ConnectTo

extension Messenger {
    /// Asks the hub on the other side for a line of this program's own to another of its peers.
    ///
    /// The hub's program decides whether it does that (``Hub/allowIntroductions(_:)``), and the other peer whether it
    /// agrees (``CallHandling/onIntroduction(_:)``). The new line has nothing to do with the hub any more.
    ///
    /// ```swift
    /// let widget = try await dashboard.introduce(to: "widget-2")
    /// try await widget.request(Widget.align, .left)
    /// ```
    ///
    /// - Parameters:
    ///   - peer: the other peer's id at the hub. The new messenger's handlers find it in ``CallContext/peerID``.
    ///   - limit: how long to wait in all; 5 s if not set, and never longer than a handler has that asks in turn.
    ///   - handlers: what answers the other peer on the new line; this messenger's handlers if nil.
    ///   - options: how the new line is treated; as this one if nil.
    /// - Throws: ``CallError``: with ``CallError/Code/refused`` where the hub or the other peer does not agree,
    ///   ``CallError/Code/unknownPeer`` where the hub has no such peer, and ``CallError/Code/unknownType`` where the
    ///   program on the other side is no hub.
    public func introduce(
        to peer: String, within limit: Duration? = .seconds(5), handlers: Handlers? = nil,
        options: MessengerOptions? = nil
    ) async throws(CallError) -> Messenger {
        let answer = try await run(
            PendingCall(
                type: HubRouter.introduce, payload: .text(peer), wantsMany: false, deadline: Self.deadline(limit)))
        return try Messenger(
            introducedTo: peer, by: answer, handlers: handlers ?? self.handlers, options: options ?? line.options)
    }

    /// Takes the line that came with an introduction.
    fileprivate convenience init(
        introducedTo peer: String, by payload: Payload, handlers: Handlers, options: MessengerOptions
    ) throws(CallError) {
        guard let port = payload.transferred.first?.port else {
            throw CallError(.invalidPayload, "the introduction to the peer \"\(peer)\" came without a line")
        }
        self.init(port, peer: nil, peerID: peer, handlers: handlers, options: options)
        line.start()
    }
}

extension CallHandling {
    /// Takes lines of this program's own to other peers of the hub on the other side, which have asked for them.
    ///
    /// ```swift
    /// dashboard.onIntroduction { id, messenger in await neighbours.add(id, messenger) }
    /// ```
    ///
    /// The messenger has the same handlers and options as the one to the hub, and closes its line when the last
    /// reference is gone: the closure keeps it. The other peer has its end of the line when the closure has returned,
    /// so the closure must not wait for an answer of it. To refuse, it throws a ``CallFailure``, best with
    /// ``CallError/Code/refused``. Without such a handler all introductions are refused.
    ///
    /// The hub vouches for the id, and nothing else does.
    ///
    /// - Parameter handler: gets the other peer's id at the hub, and the messenger to it.
    @discardableResult
    public func onIntroduction(
        _ handler: @escaping @Sendable (_ id: String, _ messenger: Messenger) async throws -> Void
    ) -> Subscription {
        handlers.set(
            HubRouter.introduced,
            .waiting { payload, call, context in
                do {
                    let id: String = try payload.decode()
                    let line = context.line
                    try await handler(
                        id,
                        try Messenger(introducedTo: id, by: payload, handlers: line.handlers, options: line.options))
                    call.answer(nil)
                } catch {
                    call.fail(error)
                }
            })
    }
}
