import DequeModule

/// The messages that the line has received and the program has not taken, in order; does no I/O.
///
/// Plain messages stay in the bytes in which they arrived, and each is cut off when it is taken. So a waiting message
/// costs no memory beyond its bytes.
struct InputQueue {
    /// What a message holds while it waits.
    struct Cost {
        /// Bytes of its frame, and an estimate for the things transferred with it.
        var size: Int
        /// Open descriptors. Descriptors that ports in the message have yet to read are counted by those ports.
        var descriptors = 0
    }

    private enum Item {
        case run(MessageRun)
        case message(Message, Cost)
    }

    /// The rest of the run that messages are taken from next.
    private var first: MessageRun?
    /// The cursor that lends ``first`` to a taker. While there is one, ``first`` shows the state of the last
    /// ``countClaims()``.
    private var cursor: RunCursor?
    private var claimedBefore = 0
    private var items: Deque<Item> = []
    /// The number of messages, including those claimed since the last ``countClaims()``.
    private(set) var count = 0
    /// Their size: bytes of their frames, and an estimate for the things transferred with them.
    private(set) var size = 0
    /// How many descriptors count against the ``DescriptorBudget``.
    private(set) var descriptorCount = 0
    private var taken = 0

    /// The last message of a run is never claimed, so no claim makes the queue empty.
    var isEmpty: Bool { count == 0 }

    mutating func append(_ run: MessageRun) {
        count += run.count
        size += run.range.count
        if first == nil, items.isEmpty { first = run } else if !extendLast(by: run) { items.append(.run(run)) }
    }

    /// Where messages arrive one by one, an item for each would take many times the memory that they are counted as.
    private mutating func extendLast(by run: MessageRun) -> Bool {
        guard let last = items.indices.last, case .run(var whole) = items[last], whole.chunk === run.chunk,
            whole.range.upperBound == run.range.lowerBound
        else { return false }
        whole.range = whole.range.lowerBound..<run.range.upperBound
        whole.count += run.count
        items[last] = .run(whole)
        return true
    }

    mutating func append(_ message: Message, _ cost: Cost) {
        count += 1
        size += cost.size
        descriptorCount += cost.descriptors
        items.append(.message(message, cost))
    }

    /// - Parameter holder: the cursor that the taker was lent, if any; it cannot be used afterwards.
    mutating func popFirst(for holder: RunCursor? = nil) -> Message? {
        revoke(for: holder)
        if first == nil {
            switch items.popFirst() {
            case nil: return nil
            case .run(let run)?: first = run
            case .message(let message, let cost)?:
                didTake(1, size: cost.size)
                descriptorCount -= cost.descriptors
                return message
            }
        }
        return cut()
    }

    private mutating func cut() -> Message? {
        guard let run = first else { return nil }
        let start = run.range.lowerBound
        let header = FrameHeader(checked: run.chunk.base + start)
        let payload = start + FrameHeader.size
        let next = payload + header.length
        didTake(1, size: next - start)
        first?.count -= 1
        first?.range = next..<run.range.upperBound
        if next == run.range.upperBound { first = nil }
        return Message(header.kind, Payload(run.chunk, payload..<next))
    }

    private mutating func didTake(_ messages: Int, size freed: Int) {
        count -= messages
        size -= freed
        taken += messages
    }

    mutating func removeAll() {
        revoke()
        let taken = taken
        self = InputQueue()
        self.taken = taken
    }

    /// How many messages have been taken since the last call, not counting claims that are not counted yet.
    mutating func collectTaken() -> Int {
        defer { taken = 0 }
        return taken
    }

    // MARK: Lending

    /// Lends the front run to a taker that will want more than one message; nil where the run is too short, or another
    /// taker has it.
    mutating func lend() -> RunCursor? {
        guard cursor == nil, let first, first.count > 2 else { return nil }
        cursor = RunCursor(first.chunk, first.range)
        claimedBefore = 0
        return cursor
    }

    /// Counts the messages that have been claimed.
    mutating func countClaims() {
        if let cursor { countClaims(cursor.progress) }
    }

    /// Ends the lending: from here on no message is claimed. This is quicker where the holder itself makes the call.
    mutating func revoke(for holder: RunCursor? = nil) {
        guard let cursor else { return }
        countClaims(cursor.revoke(byHolder: cursor === holder))
        self.cursor = nil
    }

    /// Ends the lending where the holder is gone or claims no more, so that no agreement with the holder is needed.
    mutating func endLending() {
        revoke(for: cursor)
    }

    private mutating func countClaims(_ progress: (claimed: Int, position: Int)) {
        guard let run = first else { return }
        let messages = progress.claimed - claimedBefore
        claimedBefore = progress.claimed
        didTake(messages, size: progress.position - run.range.lowerBound)
        first?.count -= messages
        first?.range = progress.position..<run.range.upperBound
    }

    /// The frames of the waiting messages, for another port to receive. The things transferred with them are taken out
    /// of the messages for good, which is safe: the program has not seen these messages.
    ///
    /// Only to be asked while nothing is lent.
    var remainder: Segment {
        var segment = Segment()
        if let first { segment.append(first) }
        for item in items {
            switch item {
            case .run(let run): segment.append(run)
            case .message(let message, _): segment.append(message.frame())
            }
        }
        return segment
    }
}

extension Segment {
    fileprivate mutating func append(_ run: MessageRun) {
        bytes.append(contentsOf: run.chunk.memory[run.range])
    }
}
