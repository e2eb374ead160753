public import ConnectTo
import ConnectToLinux
import DequeModule

/// A peer of a hub has come or gone.
public enum HubChange: Sendable, Hashable {
    /// The hub has a new peer.
    case connected(HubPeer)
    /// The line to a peer has ended, for this reason.
    case disconnected(HubPeer, CloseReason)

    /// The peer that has come or gone.
    public var peer: HubPeer {
        switch self {
        case .connected(let peer), .disconnected(let peer, _): peer
        }
    }
}

/// The peers of a hub when a loop begins, and then each that comes or goes: see ``Hub/changes``.
public struct HubChanges: AsyncSequence, Sendable {
    public typealias Element = HubChange
    public typealias Failure = Never

    let table: HubTable

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(subscription: Subscription(table: table))
    }

    /// Ends with the iterator.
    final class Subscription: Sendable {
        let table: HubTable
        let queue: HubChangeQueue

        init(table: HubTable) {
            self.table = table
            queue = table.beginLoop()
        }

        deinit {
            table.endLoop(queue)
        }
    }

    /// Takes one change after the other.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let subscription: Subscription

        /// The next change; nil once the hub is closed or dropped, and where the task is cancelled.
        public mutating func next() async -> HubChange? { await subscription.queue.next() }

        /// The same, without leaving the actor.
        public mutating func next(isolation actor: isolated (any Actor)?) async -> HubChange? {
            await subscription.queue.next(isolation: actor)
        }
    }
}

/// The changes that one loop has not taken yet.
///
/// Above ``limit`` a peer that has come and gone before the loop has looked is not told at all. So what waits is
/// bounded by the limit and by how many peers there are, and what the loop knows never contradicts itself.
typealias HubChangeQueue = LoopQueue<HubChange>

extension HubChangeQueue {
    static var limit: Int { 4_096 }

    /// Adds a change, without waking the loop.
    func append(_ change: HubChange) {
        self.change { changes in
            if case .disconnected(let peer, _) = change, changes.count >= Self.limit,
                let index = changes.lastIndex(of: .connected(peer))
            {
                changes.remove(at: index)
            } else {
                changes.append(change)
            }
        }
    }
}
