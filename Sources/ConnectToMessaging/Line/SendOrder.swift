import DequeModule

/// The requests and events that wait to be sent, in the order in which the program made them.
///
/// Each costs bytes of the other side's window, and a request takes a place besides. What cannot be sent yet makes
/// all behind it wait, so that the order holds.
struct SendOrder<Item> {
    private struct Waiting {
        var ticket: UInt64
        /// Nil once the program has given it up.
        var item: Item?
        var cost: Int
        var needsPlace: Bool
    }

    private var waiting: Deque<Waiting> = []
    private var lastTicket: UInt64 = 0
    private var window = Int(Hello.least.window)
    /// The bytes of all that waits.
    private(set) var waitingBytes = 0

    /// Whether nothing waits.
    var isEmpty: Bool { waiting.allSatisfy { $0.item == nil } }

    /// All that waits, in its order.
    var items: some Sequence<Item> { waiting.lazy.compactMap(\.item) }

    /// What a message costs: its own length, and a page for each thing that is transferred with it.
    static func cost(length: Int, transferredCount: Int) -> Int { length + transferredCount * 4_096 }

    /// Whether something can be sent at once. If it can, its cost is taken off the window.
    mutating func sendsAtOnce(cost: Int, needsPlace: Bool, places: Int) -> Bool {
        guard waiting.isEmpty, window > 0, !needsPlace || places > 0 else { return false }
        window -= cost
        return true
    }

    /// Puts something behind all that waits.
    ///
    /// - Returns: the ticket with which it can be taken back.
    mutating func append(_ item: Item, cost: Int, needsPlace: Bool) -> UInt64 {
        lastTicket += 1
        waiting.append(Waiting(ticket: lastTicket, item: item, cost: cost, needsPlace: needsPlace))
        waitingBytes += cost
        return lastTicket
    }

    /// Takes back what has not been sent.
    ///
    /// - Returns: nil where it has been sent.
    mutating func takeBack(_ ticket: UInt64) -> Item? {
        // Tickets stand in their order, and none is missing between the first and the last.
        guard let first = waiting.first?.ticket, ticket >= first, ticket - first < waiting.count else { return nil }
        let index = Int(ticket - first)
        guard let item = waiting[index].item else { return nil }
        waiting[index].item = nil
        waitingBytes -= waiting[index].cost
        return item
    }

    /// The next that can be sent now; its cost is taken off the window.
    mutating func next(places: Int) -> Item? {
        while let first = waiting.first {
            guard let item = first.item else {
                waiting.removeFirst()
                continue
            }
            guard window > 0, !first.needsPlace || places > 0 else { return nil }
            waiting.removeFirst()
            window -= first.cost
            waitingBytes -= first.cost
            return item
        }
        return nil
    }

    /// What was to be sent could not be: its cost does not count.
    mutating func giveBack(_ cost: Int) {
        window += cost
    }

    /// The other side takes more bytes.
    mutating func grant(_ bytes: Int) throws(ProtocolViolation) {
        let (sum, overflow) = window.addingReportingOverflow(bytes)
        guard !overflow else { throw ProtocolViolation("grants of more than 2^63 bytes") }
        window = sum
    }

    /// The other side's hello has arrived, which counts from the beginning of the line.
    mutating func hello(window granted: UInt64) throws(ProtocolViolation) {
        try grant(Int(granted - Hello.least.window))
    }

    /// The other side's end has a new owner: its window begins anew, and what waits waits for that.
    mutating func restart() {
        window = Int(Hello.least.window)
    }

    /// The line has ended: all that was never sent.
    mutating func end() -> [Item] {
        defer { waiting = [] }
        waitingBytes = 0
        return waiting.compactMap(\.item)
    }
}

/// How many bytes of the other side's requests and events this side holds for its handlers.
struct ReceiveWindow {
    private let size: Int
    private var left: Int
    /// The bytes that are granted in messages which have not left yet.
    var withheld = 0
    /// Taken by handlers, and not granted again yet.
    private var taken = 0
    /// How many owners the other side's end has had before.
    private var owner = 0

    /// The part of the window that one message takes.
    struct Share: Sendable {
        private(set) var cost: Int
        /// The window of an earlier owner gets nothing back.
        fileprivate private(set) var owner: Int

        static let nothing = Share(cost: 0, owner: 0)

        /// Adds the part of a later message.
        static func += (sum: inout Share, other: Share) {
            sum = Share(cost: other.owner == sum.owner ? sum.cost + other.cost : other.cost, owner: other.owner)
        }
    }

    init(size: UInt64) {
        self.size = Int(size)
        left = Int(size)
    }

    /// Whether the handlers hold nothing.
    var isWhole: Bool { left + taken == size }

    /// A request or an event has arrived.
    mutating func receive(cost: Int) throws(ProtocolViolation) -> Share {
        guard left > withheld else { throw ProtocolViolation("a request or event beyond the window") }
        left -= cost
        return Share(cost: cost, owner: owner)
    }

    /// The other side's end has a new owner, whose window begins anew, whatever handlers still hold of the one before.
    mutating func restart() {
        left = size
        taken = 0
        owner += 1
    }

    /// A handler is done with a message, or the message was dropped.
    ///
    /// - Returns: how many bytes to grant now; nil while it is not worth a message of its own.
    mutating func take(_ share: Share) -> UInt32? {
        guard share.owner == owner else { return nil }
        taken += share.cost
        guard taken > 0, taken >= size / 4 || left <= 0 else { return nil }
        let granted = min(taken, Int(UInt32.max))
        taken -= granted
        left += granted
        return UInt32(granted)
    }
}
