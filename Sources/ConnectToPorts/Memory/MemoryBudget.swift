import ConnectToLinux
import Synchronization

/// Waits for room in a ``MemoryBudget``.
protocol MemoryWaiter: AnyObject, Sendable {
    /// The budget has room again. Called inside of other waiters' locks, so what follows has to happen later.
    func thereIsRoom()
}

/// A bound on the bytes that several lines together may make this process hold: received and not taken by the program,
/// posted and not read by the peer, taken and not passed on.
///
/// Budgets are nested: the budget of one process's lines is inside of its user's, and that one inside of the budget of
/// all users. A line reads on, and its queue accepts more, while all of these have room. When one is full, each line
/// goes on with ``floor`` alone.
package final class MemoryBudget: Sendable {
    /// How many bytes of input, and of output, each line may hold however full a budget is: so short messages always
    /// get through.
    static let floor = 16 << 10

    private struct State {
        /// All bytes.
        var held = 0
        /// The part of them that is output: only the peer that reads it makes room.
        var outgoing = 0
        /// The one line that may go on while the budget is full, until the program has taken its messages. Without it
        /// all lines could wait for each other, each with a part of a message.
        var first: ObjectIdentifier?
        var waiting: [ObjectIdentifier: any MemoryWaiter] = [:]

        mutating func removeWaiting() -> [any MemoryWaiter] {
            defer { waiting = [:] }
            return Array(waiting.values)
        }
    }

    private let limit: Int
    private let outer: MemoryBudget?
    private let state = Lock(State())
    /// Whether this budget alone, without the outer ones, is full. Read without the lock, where an outdated value does
    /// little harm.
    private let isSpent = Atomic(false)

    /// - Parameters:
    ///   - limit: in bytes.
    ///   - outer: the budget that this one is a part of.
    package init(_ limit: Int, within outer: MemoryBudget? = nil) {
        self.limit = limit
        self.outer = outer
    }

    /// Bytes that the lines hold, as they last reported.
    package var held: Int { state.withLock { $0.held } }

    /// Whether this budget, or one around it, has no room.
    package var isFull: Bool { isSpent.load(ordering: .relaxed) || outer?.isFull == true }

    /// - Parameter released: the line that needs no precedence any more, in case it has it.
    func change(incoming: Int, outgoing: Int, released: ObjectIdentifier? = nil) {
        let change = incoming + outgoing
        let woken: [any MemoryWaiter] = state.withLock { state in
            state.held += change
            state.outgoing += outgoing
            isSpent.store(state.held >= limit, ordering: .relaxed)
            let isReleased = released != nil && state.first == released
            if isReleased { state.first = nil }
            let hasRoom = state.held < limit || state.first == nil && state.outgoing < limit / 4
            return hasRoom && (isReleased || change < 0 || outgoing < 0) ? state.removeWaiting() : []
        }
        outer?.change(incoming: incoming, outgoing: outgoing, released: released)
        for waiter in woken { waiter.thereIsRoom() }
    }

    /// Whether a line may read on. If not, the line is called when there is room.
    func mayRead(_ share: ObjectIdentifier, _ waiter: any MemoryWaiter) -> Bool {
        let (isGranted, woken): (Bool, [any MemoryWaiter]) = state.withLock { state in
            let isFull = state.held >= limit
            // Where much output waits, a message that is let in would only lead to more output, without end.
            let isBlocked = state.outgoing >= limit / 4
            guard !isFull || state.first == share || state.first == nil && !isBlocked else {
                state.waiting[share] = waiter
                return (false, [])
            }
            if let outer, !outer.mayRead(share, waiter) {
                // A line gives up its precedence here while it waits for an outer budget: otherwise two lines could
                // wait for what the other has.
                guard state.first == share else { return (false, []) }
                state.first = nil
                return (false, state.removeWaiting())
            }
            if isFull { state.first = share }
            return (true, [])
        }
        for waiter in woken { waiter.thereIsRoom() }
        return isGranted
    }

    /// Whether a line may queue more. If not, the line is called when there is room.
    func mayQueue(_ share: ObjectIdentifier, _ waiter: any MemoryWaiter) -> Bool {
        let hasRoom = state.withLock { state in
            if state.held < limit { return true }
            state.waiting[share] = waiter
            return false
        }
        return hasRoom && outer?.mayQueue(share, waiter) != false
    }

    /// Forgets a waiter, which needs no room any more.
    func stopWaiting(_ share: ObjectIdentifier) {
        // Release the waiter outside of the lock.
        let waiter = state.withLock { $0.waiting.removeValue(forKey: share) }
        withExtendedLifetime(waiter) {}
        outer?.stopWaiting(share)
    }
}
