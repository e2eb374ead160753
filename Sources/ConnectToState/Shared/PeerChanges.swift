public import ConnectTo
import ConnectToLinux

/// A line of a shared state to another replica has begun, or ended.
public enum PeerChange: Sendable, Hashable {
    /// The replication with this peer has begun.
    case connected(String)
    /// All that the peer had at the beginning is here.
    case synchronized(String)
    /// The line to this peer has ended, for this reason. What is written meanwhile is sent when there is one again.
    case disconnected(String, CloseReason)

    /// The peer's name.
    public var peer: String {
        switch self {
        case .connected(let name), .synchronized(let name), .disconnected(let name, _): name
        }
    }
}

/// The comings and goings of peers, from when it was made: see ``SharedState/peerChanges``. One task takes it. Of a
/// slow task 4,096 changes wait; above that the oldest go.
public struct PeerChanges: AsyncSequence, Sendable {
    public typealias Element = PeerChange
    public typealias Failure = Never

    let subscription: StateSubscription<LoopQueue<PeerChange>>

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(subscription: subscription) }

    /// Takes one change after the other.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let subscription: StateSubscription<LoopQueue<PeerChange>>

        /// The next change; nil once the state is closed or dropped, and where the task is cancelled.
        public mutating func next() async -> PeerChange? { await subscription.queue.next(isolation: nil) }

        /// The same, without leaving the actor.
        public mutating func next(isolation actor: isolated (any Actor)?) async -> PeerChange? {
            await subscription.queue.next(isolation: actor)
        }
    }
}

extension LoopQueue<PeerChange> {
    func add(_ change: PeerChange) {
        self.change { changes in
            changes.append(change)
            if changes.count > 4_096 { changes.removeFirst() }
        }
    }
}

extension SharedState {
    /// Each peer that comes or goes from now on.
    public var peerChanges: PeerChanges {
        let queue = LoopQueue<PeerChange>([])
        locked { core in
            if core.isClosed { queue.end() } else { core.peerLoops[ObjectIdentifier(queue)] = queue }
        }
        return PeerChanges(subscription: StateSubscription(self, queue) { $0.forget($1) })
    }

    func forget(_ queue: LoopQueue<PeerChange>) {
        locked { $0.peerLoops[ObjectIdentifier(queue)] = nil }
    }
}
