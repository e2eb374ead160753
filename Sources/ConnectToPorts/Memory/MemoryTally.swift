import ConnectToLinux

/// How a line counts the bytes that it holds against a ``MemoryBudget``. Its share is given back when the tally is
/// dropped.
///
/// Changes of less than ``grain`` are not reported at once, since other lines need the budget too.
struct MemoryTally {
    static let grain = 4 << 10

    private let share: MemoryShare
    private var incoming = 0
    private var outgoing = 0
    private var isBetweenMessages = true

    init(_ budget: MemoryBudget) {
        share = MemoryShare(of: budget)
    }

    var isFull: Bool { share.budget.isFull }

    /// - Parameters:
    ///   - incoming: bytes that wait to be taken.
    ///   - outgoing: bytes that wait for the peer to read, or that the program has taken and is still passing on.
    ///   - isBetweenMessages: whether no message has been received in part.
    @inline(__always)
    mutating func count(incoming: Int, outgoing: Int, isBetweenMessages: Bool) {
        let isDone = isBetweenMessages && incoming < MemoryBudget.floor
        let change = (incoming &- self.incoming, outgoing &- self.outgoing)
        if change.0.magnitude < Self.grain, change.1.magnitude < Self.grain, isDone == self.isBetweenMessages,
            incoming &+ outgoing > 0 || self.incoming &+ self.outgoing == 0
        {
            return
        }
        self.incoming = incoming
        self.outgoing = outgoing
        self.isBetweenMessages = isDone
        share.change(incoming: change.0, outgoing: change.1, isDone: isDone)
    }

    /// Whether the line may read on while it holds this much input. If not, the line is called when there is room.
    func mayRead(holding held: Int, _ waiter: any MemoryWaiter) -> Bool {
        held < MemoryBudget.floor || !isFull || share.budget.mayRead(share.id, waiter)
    }

    /// Whether the line's queue, which holds this many bytes, may accept more. If not, the line is called when there is
    /// room.
    func mayQueue(holding held: Int, _ waiter: any MemoryWaiter) -> Bool {
        held < MemoryBudget.floor || !isFull || share.budget.mayQueue(share.id, waiter)
    }

    /// The line is not called any more.
    func stopWaiting() {
        share.budget.stopWaiting(share.id)
    }
}

/// The part of a ``MemoryBudget`` that one holder has taken. It is given back when the share is dropped.
package final class MemoryShare: Sendable {
    let budget: MemoryBudget
    private let held = Lock((incoming: 0, outgoing: 0))

    init(of budget: MemoryBudget) {
        self.budget = budget
    }

    /// - Parameter size: the bytes that are taken for as long as the share is kept.
    package convenience init(of budget: MemoryBudget, size: Int) {
        self.init(of: budget)
        change(incoming: 0, outgoing: size, isDone: false)
    }

    deinit {
        let held = held.withLock { $0 }
        budget.change(incoming: -held.incoming, outgoing: -held.outgoing, released: id)
    }

    var id: ObjectIdentifier { ObjectIdentifier(self) }

    func change(incoming: Int, outgoing: Int, isDone: Bool) {
        held.withLock {
            $0.incoming += incoming
            $0.outgoing += outgoing
        }
        budget.change(incoming: incoming, outgoing: outgoing, released: isDone ? id : nil)
    }
}
