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
final class HubChangeQueue: Sendable {
    static let limit = 4_096

    private struct State {
        var changes: Deque<HubChange> = []
        var isOver = false
    }

    private let state: Lock<State>
    private let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    init(_ first: [HubChange]) {
        state = Lock(State(changes: Deque(first)))
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Adds a change, without waking the loop.
    func append(_ change: HubChange) {
        state.withLock { state in
            if case .disconnected(let peer, _) = change, state.changes.count >= Self.limit,
                let index = state.changes.lastIndex(of: .connected(peer))
            {
                state.changes.remove(at: index)
            } else {
                state.changes.append(change)
            }
        }
    }

    func wake() {
        signal.yield()
    }

    /// No more will come; what waits can still be taken.
    func end() {
        state.withLock { $0.isOver = true }
        signal.finish()
    }

    func next(isolation actor: isolated (any Actor)? = #isolation) async -> HubChange? {
        var iterator = signals.makeAsyncIterator()
        while !Task.isCancelled {
            let (change, isOver) = state.withLock { ($0.changes.popFirst(), $0.isOver) }
            if let change { return change }
            if isOver { return nil }
            await iterator.next(isolation: actor)
        }
        return nil
    }
}
