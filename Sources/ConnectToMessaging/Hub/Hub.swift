public import ConnectTo

/// Many lines of calls, to many programs: its *peers*, each known by an id.
///
/// ```swift
/// let hub = Hub()
/// hub.on(Dashboard.status) { query, call in Status(of: query, for: call.peerID) }
/// try await hub.serve(bus.register("dashboard", options: ContextOptions(format: .calls)))
/// ```
///
/// Peers come by ``serve(_:id:)``, by ``connect(to:on:origin:options:as:)`` and by ``adopt(_:as:peer:)``. One goes when
/// its line ends, whoever has ended it: by ``disconnect(_:because:)``, by the other program's close or death, or
/// because it has broken the protocol. A process that is stopped is still a peer.
///
/// **Handlers** are shared by all lines and outlive them. A handler learns from ``CallContext/peerID`` which peer asks,
/// and from ``CallContext/peer`` who that is.
///
/// **Ids** come from the hub or its program, never from what a peer sends. A peer that says in a message that it is
/// another is not believed.
///
/// One peer is asked and told by its ``Messenger``: `hub["widget-1"]?.request(…)`. All are told by
/// ``broadcast(_:_:except:)`` and asked by ``gather(_:_:except:within:)-(Request<Query,Answer>,_,_,_)``.
///
/// The hub keeps its messengers, and its lines end with it: by ``close()``, or when its last reference is gone.
///
/// Everything here can be called from any thread.
public final class Hub: CallHandling {
    let table = HubTable()
    let options: MessengerOptions
    public let handlers: Handlers
    let router: HubRouter

    /// Makes a hub without peers.
    ///
    /// - Parameters:
    ///   - handlers: what answers the peers' requests and hears their events. They belong to this hub alone, since
    ///     those of a hub also pass on what one peer sends to another.
    ///   - options: how it treats each of its lines.
    public init(handlers: Handlers = Handlers(), options: MessengerOptions = MessengerOptions()) {
        self.handlers = handlers
        self.options = options
        router = HubRouter(table: table)
        handlers.router = router
        _ = handlers.set(
            HubRouter.introduce,
            .waiting { [router] payload, call, context in await router.introduce(payload, call, context) })
    }

    deinit {
        table.close()
    }

    // MARK: Peers

    /// The peers just now, in the order in which they have come.
    public var peers: [HubPeer] { table.spokes.map(\.peer) }

    /// The messenger of a peer, to ask or tell it something; nil where the hub has no peer of this id.
    ///
    /// It is the same object as long as the peer is there. A program that keeps it longer keeps a messenger whose line
    /// is over.
    public subscript(id: String) -> Messenger? { table[id]?.line }

    /// All peers that are there when a loop begins, as ``HubChange/connected(_:)``, and then each that comes or goes.
    ///
    /// Nothing is missed in between, and the changes of one peer come in their order. The loop ends after ``close()``,
    /// when the hub is dropped, and when its task is cancelled. Any number of tasks may take the changes, each at its
    /// own pace. A loop does not keep the hub.
    ///
    /// A slow loop misses nothing as long as fewer than 4,096 changes wait for it. Above that it does not hear of peers
    /// that have come and gone meanwhile, and still hears of each that has come and is there, and of each that it knew
    /// and that has gone.
    public var changes: HubChanges { HubChanges(table: table) }

    /// Makes a peer of a port: one end of a `MessageChannel`, or one that was transferred here. The program on the
    /// other side has to make a ``Messenger`` of its end.
    ///
    /// - Parameters:
    ///   - port: from now on the hub's.
    ///   - id: how the hub is to know it; the next number that no peer has if nil.
    ///   - identity: who the other program is, for handlers to see.
    /// - Throws: ``HubError``. The port is as it was then.
    @discardableResult
    public func adopt(
        _ port: MessagePort, as id: String? = nil, peer identity: Peer? = nil
    ) throws(HubError) -> HubPeer {
        let spoke = try table.add(id, identity: identity) { peer in
            Messenger(
                port, peer: identity, peerID: peer.id, handlers: handlers, options: options
            ) { [weak table] reason in table?.remove(peer, reason) }
        }
        // Only now: the line may end, or bring a request, as soon as it has started.
        spoke.line.line.start()
        return spoke.peer
    }

    /// Ends the line to a peer. Requests under way end on both sides.
    ///
    /// - Parameters:
    ///   - id: the peer.
    ///   - explanation: a sentence for people, which the other program finds as the detail of its
    ///     ``Messenger/closeReason``, with `CloseReason.Code.refused`. If nil its line is closed like any other. A peer
    ///     that takes events too slowly does not get it.
    /// - Returns: whether there was such a peer.
    @discardableResult
    public func disconnect(_ id: String, because explanation: String? = nil) -> Bool {
        guard let spoke = table[id] else { return false }
        if let explanation { spoke.line.line.refuse(because: explanation) }
        spoke.line.close()
        return true
    }

    /// Ends the lines to all peers. From now on no more are taken: ``adopt(_:as:peer:)`` throws, and callers are
    /// refused.
    public func close() {
        table.close()
    }
}
