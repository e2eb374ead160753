import LinuxIO

/// What several lines together may hold of received input: those of one user's callers. A line counts what it
/// holds with a ``Tally``.
///
/// What came inside of a port counts as the port's own, from when the message that it came with has been taken: what
/// is to be read of it, and what is to be written. Before that it counts with the message.
package final class InputBudget: Sendable {
    /// What each line may hold, however full the budget is: so short messages always get through.
    static let floor = 64 << 10

    private struct State {
        var held = 0
        /// The one line that may go on while the budget is full, until the program has taken what it has. Without it
        /// all could wait for each other, each with a part of a message.
        var first: ObjectIdentifier?
        var waiting: [ObjectIdentifier: Line] = [:]
    }

    private let limit: Int
    private let state = Lock(State())

    /// - Parameter limit: in bytes.
    package init(_ limit: Int) {
        self.limit = limit
    }

    /// Bytes that the lines hold, as they last counted.
    package var held: Int { state.withLock { $0.held } }

    package var isFull: Bool { held >= limit }

    /// What one line holds. Given back when it is dropped.
    final class Tally: Sendable {
        private let budget: InputBudget
        private let count = Lock(0)

        init(_ budget: InputBudget) {
            self.budget = budget
        }

        deinit {
            budget.change(by: -count.withLock { $0 }, first: ObjectIdentifier(self))
        }

        /// What was counted last.
        var counted: Int { count.withLock { $0 } }

        /// - Parameters:
        ///   - input: bytes that wait to be taken.
        ///   - output: bytes that wait to be written and came from a peer too, inside of a port.
        ///   - isBetweenMessages: nothing has been received of a message that is not whole.
        func count(input: Int, output: Int, isBetweenMessages: Bool) {
            let change = count.withLock { count in
                defer { count = input + output }
                return input + output - count
            }
            let isDone = isBetweenMessages && input < InputBudget.floor
            budget.change(by: change, first: isDone ? ObjectIdentifier(self) : nil)
        }

        /// Whether the line may read on, holding so much input. If not it is called when there is room.
        func mayRead(holding held: Int, _ line: Line) -> Bool {
            held < InputBudget.floor || budget.mayRead(ObjectIdentifier(self), line)
        }
    }

    /// - Parameter first: the line that needs no precedence any more, should it be the one that has it.
    private func change(by change: Int, first: ObjectIdentifier?) {
        if change == 0, first == nil { return }
        let woken: [ObjectIdentifier: Line] = state.withLock { state in
            state.held += change
            if let first, state.first == first { state.first = nil }
            guard state.held < limit || state.first == nil else { return [:] }
            defer { state.waiting = [:] }
            return state.waiting
        }
        // Each in a turn of its own: this may be called inside of a line's lock.
        for line in woken.values { line.readOn() }
    }

    private func mayRead(_ tally: ObjectIdentifier, _ line: Line) -> Bool {
        state.withLock { state in
            if state.held < limit || state.first == tally { return true }
            if state.first == nil {
                state.first = tally
                return true
            }
            state.waiting[tally] = line
            return false
        }
    }
}

extension Line {
    /// Reads on in a later turn of the loop.
    fileprivate func readOn() {
        reactor.execute { [self] in
            change { state, wakeups in state.readInput(for: self, &wakeups) }
        }
    }
}
