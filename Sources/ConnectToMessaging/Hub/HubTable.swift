import ConnectTo
import ConnectToLinux

/// The peers of a hub, and the loops over its changes. From any thread.
///
/// A peer is added, removed and told under one lock, so that a loop that begins misses nothing and sees nothing twice.
/// No line is touched under it.
final class HubTable: Sendable {
    typealias Spoke = Roster<Messenger>.Spoke

    fileprivate struct State {
        var roster = Roster<Messenger>()
        var loops: [ObjectIdentifier: HubChangeQueue] = [:]
        var isClosed = false
    }

    private let state = Lock(State())

    /// All peers, in the order in which they have come.
    var spokes: [Spoke] { state.withLock { $0.roster.spokes } }

    subscript(id: String) -> Spoke? { state.withLock { $0.roster[id] } }

    func add(
        _ id: String?, identity: Peer?, _ makeMessenger: (HubPeer) -> Messenger
    ) throws(HubError) -> Spoke {
        let (spoke, loops) = try state.withLock { state throws(HubError) in
            if state.isClosed { throw HubError(.closed, "the hub was closed, and takes no more lines") }
            let spoke = try state.roster.add(id, identity: identity, makeMessenger)
            return (spoke, state.tell(.connected(spoke.peer)))
        }
        for loop in loops { loop.wake() }
        return spoke
    }

    /// A line has ended. Only its first end counts.
    func remove(_ peer: HubPeer, _ reason: CloseReason) {
        // The messenger is dropped outside of the lock.
        let (spoke, loops) = state.withLock { state in
            let spoke = state.roster.remove(peer.serial)
            return (spoke, spoke == nil ? [] : state.tell(.disconnected(peer, reason)))
        }
        for loop in loops { loop.wake() }
        withExtendedLifetime(spoke) {}
    }

    /// A loop over the changes begins: with all peers that are there.
    func beginLoop() -> HubChangeQueue {
        state.withLock { state in
            let loop = HubChangeQueue(state.roster.spokes.map { .connected($0.peer) })
            if state.isClosed { loop.end() } else { state.loops[ObjectIdentifier(loop)] = loop }
            return loop
        }
    }

    func endLoop(_ loop: HubChangeQueue) {
        state.withLock { $0.loops[ObjectIdentifier(loop)] = nil }
    }

    /// Takes no more peers, ends the lines of all that are there, tells that, and ends the loops.
    func close() {
        let spokes = state.withLock { state in
            state.isClosed = true
            return state.roster.spokes
        }
        for spoke in spokes {
            spoke.line.close()
            // A line that has ended by itself at this moment may not have told it yet.
            if let reason = spoke.line.closeReason { remove(spoke.peer, reason) }
        }
        let loops = state.withLock { state in
            defer { state.loops = [:] }
            return Array(state.loops.values)
        }
        for loop in loops { loop.end() }
    }
}

extension HubTable.State {
    /// - Returns: the loops to be woken, outside of the lock.
    fileprivate func tell(_ change: HubChange) -> [HubChangeQueue] {
        if loops.isEmpty { return [] }
        for loop in loops.values { loop.append(change) }
        return Array(loops.values)
    }
}
