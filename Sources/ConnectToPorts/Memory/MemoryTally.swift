import ConnectToLinux

/// What one line has of a ``MemoryBudget``. Given back when it is dropped.
///
/// Not each byte is told, since others share the budget: what is less than ``grain`` waits for more.
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
    ///   - outgoing: bytes that wait for the peer to read, or for whom the program passes them on to.
    ///   - isBetweenMessages: nothing has been received of a message that is not whole.
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

    /// Whether the line may read on, holding so much input. If not, it is called when there is room.
    func mayRead(holding held: Int, _ line: Line) -> Bool {
        held < MemoryBudget.floor || !isFull || share.budget.mayRead(share.id, line)
    }

    /// Whether the line's queue, of so many bytes, may take more. If not, it is called when there is room.
    func mayQueue(holding held: Int, _ line: Line) -> Bool {
        held < MemoryBudget.floor || !isFull || share.budget.mayQueue(share.id, line)
    }
}

/// A part of a ``MemoryBudget`` that is taken. Given back when it is dropped.
package final class MemoryShare: Sendable {
    let budget: MemoryBudget
    private let taken = Lock((incoming: 0, outgoing: 0))

    init(of budget: MemoryBudget) {
        self.budget = budget
    }

    /// - Parameter size: in bytes, for as long as it is kept.
    package convenience init(of budget: MemoryBudget, size: Int) {
        self.init(of: budget)
        change(incoming: 0, outgoing: size, isDone: false)
    }

    deinit {
        let taken = taken.withLock { $0 }
        budget.change(incoming: -taken.incoming, outgoing: -taken.outgoing, released: id)
    }

    var id: ObjectIdentifier { ObjectIdentifier(self) }

    func change(incoming: Int, outgoing: Int, isDone: Bool) {
        taken.withLock {
            $0.incoming += incoming
            $0.outgoing += outgoing
        }
        budget.change(incoming: incoming, outgoing: outgoing, released: isDone ? id : nil)
    }
}
