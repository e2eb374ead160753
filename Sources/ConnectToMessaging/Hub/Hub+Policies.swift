import ConnectToLinux

extension Hub {
    /// An event that one peer has sent to another through the hub, and that did not get there.
    public struct Undelivered: Sendable {
        /// The peer that has sent it. It is told nothing.
        public let sender: HubPeer
        /// The id of the peer that it was for.
        public let receiver: String
        /// The type of the event.
        public let type: String
        /// ``CallError/Code/refused`` where the hub does not let the sender do so, ``CallError/Code/unknownPeer`` where
        /// it has no such peer, ``CallError/Code/queueFull`` where the receiver takes events too slowly.
        public let error: CallError
    }

    /// Lets peers ask and tell each other things through the hub, by `messenger.request(…, to: "widget-2")`. Without
    /// it, and with nil, no peer may: a request is refused, and an event is dropped.
    ///
    /// The receiver finds the sender's id in ``CallContext/sender``. A request takes its remaining time along, its
    /// cancellation follows, and its answers come back as they are, those of a stream one by one, as fast as the
    /// program that asked takes them. So do failures, with code, text and details. What was transferred goes along,
    /// also if the hub could not have used it. Where the receiver goes before it has answered, the request fails with
    /// ``CallError/Code/lineEnded``: it may have begun, and the hub does not ask again.
    ///
    /// Where the hub need not look at every message, ``allowIntroductions(_:)`` is quicker.
    ///
    /// - Parameter policy: decides about each request and event. It is called on the task that starts the handlers of
    ///   the sender's line, so that the order of the sender's messages holds; it must not block.
    public func allowRelaying(
        _ policy: (@Sendable (_ from: HubPeer, _ to: HubPeer, _ type: String) -> Bool)?
    ) {
        router.policies.withLock { $0.relaying = policy }
    }

    /// Lets peers get a line of their own to each other, by ``Messenger/introduce(to:within:handlers:options:)``.
    /// Without it, and with nil, no peer may.
    ///
    /// The hub makes the line, asks the other peer whether it agrees, and is out of the way then: the line lives on
    /// when the hub ends.
    ///
    /// - Parameter policy: decides about each introduction; it may wait, for as long as the peer that asks does.
    public func allowIntroductions(_ policy: (@Sendable (_ from: HubPeer, _ to: HubPeer) async -> Bool)?) {
        router.policies.withLock { $0.introductions = policy }
    }

    /// Hears of events from one peer to another that did not get there; nil: of none.
    public func onUndelivered(_ handler: (@Sendable (Undelivered) -> Void)?) {
        router.policies.withLock { $0.onUndelivered = handler }
    }
}
