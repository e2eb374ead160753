import ConnectToLinux
import Synchronization

/// What several lines together may make this process hold, in bytes: received and not taken by the program, posted and
/// not read by the peer, taken and not passed on.
///
/// Budgets stand inside of one another: that of one process's lines in its user's, that in everybody's. A line reads
/// on, and its queue takes more, while all of them have room. Over it each line gets on with ``floor`` alone.
package final class MemoryBudget: Sendable {
    /// What each line may hold of input, and of output, however full a budget is: so short messages always get through.
    static let floor = 16 << 10

    private struct State {
        /// Of everything.
        var held = 0
        /// Of that, what is on its way out: nobody but the reader of it makes room.
        var outgoing = 0
        /// The one line that may go on while the budget is full, until the program has taken what it has. Without it
        /// all could wait for each other, each with a part of a message.
        var first: ObjectIdentifier?
        var waiting: [ObjectIdentifier: Line] = [:]

        mutating func removeWaiting() -> [Line] {
            defer { waiting = [:] }
            return Array(waiting.values)
        }
    }

    private let limit: Int
    private let outer: MemoryBudget?
    private let state = Lock(State())
    /// Of this one alone; looked at without the lock, where little hangs on it.
    private let isSpent = Atomic(false)

    /// - Parameters:
    ///   - limit: in bytes.
    ///   - outer: the one that this is a part of.
    package init(_ limit: Int, within outer: MemoryBudget? = nil) {
        self.limit = limit
        self.outer = outer
    }

    /// Bytes that the lines hold, as they last counted.
    package var held: Int { state.withLock { $0.held } }

    /// Whether it, or one that it is a part of, has no room.
    package var isFull: Bool { isSpent.load(ordering: .relaxed) || outer?.isFull == true }

    /// - Parameter released: the line that needs no precedence any more, should it be the one that has it.
    func change(incoming: Int, outgoing: Int, released: ObjectIdentifier? = nil) {
        let change = incoming + outgoing
        let woken: [Line] = state.withLock { state in
            state.held += change
            state.outgoing += outgoing
            isSpent.store(state.held >= limit, ordering: .relaxed)
            let isReleased = released != nil && state.first == released
            if isReleased { state.first = nil }
            let hasRoom = state.held < limit || state.first == nil && state.outgoing < limit / 4
            return hasRoom && (isReleased || change < 0 || outgoing < 0) ? state.removeWaiting() : []
        }
        outer?.change(incoming: incoming, outgoing: outgoing, released: released)
        // Each in a turn of its own: this may be called inside of a line's lock.
        for line in woken { line.thereIsRoom() }
    }

    /// Whether a line may read on. If not, it is called when there is room.
    func mayRead(_ tally: ObjectIdentifier, _ line: Line) -> Bool {
        let (isGranted, woken): (Bool, [Line]) = state.withLock { state in
            let isFull = state.held >= limit
            // Where much is on its way out, more of it would come of a message that is let in, and so without end.
            let isBlocked = state.outgoing >= limit / 4
            guard !isFull || state.first == tally || state.first == nil && !isBlocked else {
                state.waiting[tally] = line
                return (false, [])
            }
            if let outer, !outer.mayRead(tally, line) {
                // Not while it waits for another: each could wait for what the other has.
                guard state.first == tally else { return (false, []) }
                state.first = nil
                return (false, state.removeWaiting())
            }
            if isFull { state.first = tally }
            return (true, [])
        }
        for line in woken { line.thereIsRoom() }
        return isGranted
    }

    /// Whether a line may queue more. If not, it is called when there is room.
    func mayQueue(_ tally: ObjectIdentifier, _ line: Line) -> Bool {
        let hasRoom = state.withLock { state in
            if state.held < limit { return true }
            state.waiting[tally] = line
            return false
        }
        return hasRoom && outer?.mayQueue(tally, line) != false
    }
}

extension Line {
    /// Reads on, and lets go on who waits to post, in a later turn of the loop.
    fileprivate func thereIsRoom() {
        reactor.execute { [self] in
            change { state, wakeups in
                state.waiters.resume(.room, in: &wakeups)
                state.readInput(for: self, &wakeups)
            }
        }
    }
}
