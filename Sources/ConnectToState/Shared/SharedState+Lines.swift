public import ConnectTo
import ConnectToLinux
public import ConnectToMessaging
import Logging

extension SharedState {
    /// The names of the replicas to which there is a line just now.
    public var peers: [String] { locked { core in core.lines.values.filter(\.isOpen).map(\.name).sorted() } }

    /// Replicates over a line to another replica. Any port will do: one end of a `MessageChannel`, one that was
    /// introduced by the bus with the format `calls`, one that was transferred. The other program has to do so too.
    ///
    /// Both sides get what they lack, then each write as it happens. The line ends by ``disconnect(_:)``, with either
    /// program, and where the other side breaks the protocol of replication; ``peerChanges`` tells it, and the values
    /// stay.
    ///
    /// - Parameters:
    ///   - peer: how this state is to call the other replica.
    ///   - port: from now on the state's.
    /// - Throws: ``StateError`` with ``StateError/Code/peerTaken`` or ``StateError/Code/closed``; the port is as it was.
    public func connect(_ peer: String, _ port: MessagePort) throws(StateError) {
        var options = MessengerOptions()
        // Nothing changes threads between a message and its handling.
        options.executor = port.eventLoop.executor
        try check(peer)
        let messenger = Messenger(port, options: options, starts: false)
        try connect(peer, messenger)
        messenger.start()
    }

    /// Replicates over a line that carries calls of the program's own besides.
    ///
    /// - Parameters:
    ///   - peer: how this state is to call the other replica.
    ///   - messenger: the state keeps it, and closes it by ``disconnect(_:)``, and where the other side breaks the
    ///     protocol of replication.
    /// - Throws: ``StateError`` with ``StateError/Code/peerTaken`` or ``StateError/Code/closed``.
    public func connect(_ peer: String, _ messenger: Messenger) throws(StateError) {
        try check(peer)
        let id = add(peer, messenger, isShared: false)
        listen(on: messenger.handlers, accepts: false)
        finish(locked { $0.open(id) })
    }

    /// Ends the line to a replica. The values stay, and what is written from now on is sent when there is a line again.
    ///
    /// - Returns: whether there was such a peer.
    @discardableResult
    public func disconnect(_ peer: String) -> Bool {
        let id = locked { core in core.lines.first { $0.value.name == peer }?.key }
        guard let id else { return false }
        end(id, CloseReason(.closed, detail: "this program disconnected the peer"))
        return true
    }

    /// Waits until all is here that a peer had when its line began.
    ///
    /// - Throws: ``StateError`` with ``StateError/Code/unknownPeer``, ``StateError/Code/lineEnded`` where the line ends
    ///   before, or ``StateError/Code/cancelled``.
    public func waitUntilSynchronized(with peer: String) async throws(StateError) {
        let latch = locked { core in core.lines.values.first { $0.name == peer }?.synchronized }
        guard let latch else {
            throw StateError(.unknownPeer, "there is no line to \"\(peer)\"; connect it first")
        }
        switch await latch.wait() {
        case true?: return
        case false?:
            throw StateError(
                .lineEnded, "the line to \"\(peer)\" ended before its values were here; connect it again")
        case nil: throw StateError(.cancelled, "the task that waited for the values of \"\(peer)\" was cancelled")
        }
    }

    /// Ends all lines, the sharing and the loops over changes, after the others have taken what was written; at most two
    /// seconds are waited for each. The values can still be read. A file is given to the next program that opens it, and
    /// nothing can be written any more.
    public func close() async {
        await withdraw()
        await flush { _ in true }
        end()
    }

    // MARK: -

    private func check(_ peer: String) throws(StateError) {
        let fault: StateError? = locked { core in
            if core.isClosed { return .closed }
            guard core.lines.values.contains(where: { $0.name == peer }) else { return nil }
            return StateError(
                .peerTaken, "there is a line to \"\(peer)\" already; choose another name, or disconnect it first")
        }
        if let fault { throw fault }
    }

    /// Adds a line, and watches for its end.
    func add(_ name: String, _ messenger: Messenger, isShared: Bool) -> Int {
        let (id, isNew) = locked { core in
            let last = core.lastLine
            let id = core.add(name, messenger, isShared: isShared, limits: limits)
            return (id, core.lastLine > last)
        }
        if isNew { watch(id, messenger) }
        return id
    }

    private func watch(_ id: Int, _ messenger: Messenger) {
        Task { [weak self] in
            guard let reason = try? await messenger.waitUntilClosed() else { return }
            guard let self else { return }
            finish(locked { $0.end(id, reason) })
        }
    }

    func end(_ id: Int, _ reason: CloseReason) {
        let (messenger, wakeups) = locked { core in (core.lines[id]?.messenger, core.end(id, reason)) }
        messenger?.close()
        finish(wakeups)
    }

    /// Takes messages of replication from the lines of some handlers.
    ///
    /// - Parameter accepts: whether a line that is not known yet becomes one of this state.
    func listen(on handlers: Handlers, accepts: Bool) {
        let key = ObjectIdentifier(handlers)
        let isKnown = locked { core in
            guard let known = core.listening[key] else { return false }
            if !accepts, let count = known.lines { core.listening[key]?.lines = count + 1 }
            return !accepts || known.lines == nil
        }
        if isKnown { return }
        var subscriptions = [
            handlers.onEvent(StateProtocol.replication) { [weak self] payload, context in
                guard let self, let id = line(of: context, accepts: accepts) else { return }
                finish(locked { $0.receive(payload, on: id) })
            },
            handlers.onEvent(StateProtocol.presence) { [weak self] payload, context in
                guard let self, let id = line(of: context, accepts: accepts) else { return }
                finish(locked { $0.receivePresence(payload, on: id) })
            },
            handlers.onEvent(StateProtocol.refused) { [weak self] payload, context in
                guard let self, let id = line(of: context, accepts: false) else { return }
                let reason = String((payload.text ?? "").prefix(1_024))
                end(id, CloseReason(.refused, detail: "the other replica closed the line: \(reason)"))
            },
        ]
        if accepts { subscriptions += answerRequests(on: handlers) }
        let listening = StateListening(subscriptions: subscriptions, lines: accepts ? nil : 1)
        let old = locked { core in core.listening.updateValue(listening, forKey: key) }
        old?.cancel()
    }

    private func line(of context: CallContext, accepts: Bool) -> Int? {
        guard let messenger = context.messenger else { return nil }
        if let known = locked({ $0.lineIDs[ObjectIdentifier(messenger)] }) { return known }
        guard accepts, messenger.closeReason == nil else { return nil }
        return add(context.peerID ?? context.peer?.busName ?? "peer", messenger, isShared: false)
    }

    /// Asks how far the other side of a line has come.
    func askHowFar(_ id: Int, _ messenger: Messenger, _ bytes: Int) {
        Task { [weak self] in
            // It ends with the line at the latest.
            guard (try? await messenger.barrier(within: nil)) != nil else { return }
            guard let self else { return }
            finish(locked { $0.taken(id, upTo: bytes) })
        }
    }

    /// Tells the other side why its line ends, and ends it.
    func refuse(_ messenger: Messenger, _ peer: String, _ reason: String) {
        logger?.warning("the line to \"\(peer)\" was closed: the peer broke the protocol of shared state: \(reason)")
        _ = try? messenger.post(StateProtocol.refused, .text(reason))
        messenger.close()
    }

    /// Waits until the other sides of some lines have taken what was sent, two seconds at most.
    func flush(_ isMeant: @Sendable (StateLine) -> Bool) async {
        let messengers = locked { core in core.lines.values.filter { $0.isOpen && isMeant($0) }.map(\.messenger) }
        await withDiscardingTaskGroup { group in
            for messenger in messengers {
                group.addTask { _ = try? await messenger.barrier(within: .seconds(2)) }
            }
        }
    }

    /// Ends everything at once.
    func end() {
        let (messengers, sharing, log) = locked { core in
            core.isClosed = true
            for loop in core.loops.values { loop.end() }
            for loop in core.textFeeds.values.flatMap(\.values) { loop.end() }
            for loop in core.presenceLoops.values { loop.end() }
            for loop in core.peerLoops.values { loop.end() }
            for listening in core.listening.values { listening.cancel() }
            let messengers = core.lines.values.map(\.messenger)
            for id in core.lines.keys {
                _ = core.end(id, CloseReason(.closed, detail: "this program closed the state"))
            }
            defer { core.sharing = nil }
            return (messengers, core.sharing, core.log)
        }
        sharing?.stop()
        for messenger in messengers { messenger.close() }
        log?.close()
    }
}
