import DequeModule

/// What has been received and not taken, in order; does no I/O.
///
/// Plain messages stay the bytes that they came as, and are cut one by one as they are taken: so one that
/// is not taken costs nothing but its bytes.
struct InputQueue {
    /// Whole messages one after the other, checked, with nothing transferred along.
    struct Run {
        let chunk: Chunk
        /// Of their frames in the chunk.
        var range: Range<Int>
        var count: Int
    }

    /// What a message holds while it waits.
    struct Cost {
        /// Bytes of its frame, and an estimate for what came along.
        var size: Int
        /// Open descriptors; those that ports in it have yet to read are counted by these.
        var descriptors = 0
    }

    private enum Item {
        case run(Run)
        case message(Message, Cost)
    }

    /// What is taken next: the rest of a run.
    private var first: Run?
    /// The same, while it is lent; ``first`` then is as of the last ``settle()``.
    private var cursor: RunCursor?
    private var claimedBefore = 0
    private var items: Deque<Item> = []
    /// How many messages; those claimed since the last ``settle()`` too.
    private(set) var count = 0
    /// What they hold: bytes of their frames, and an estimate for what came along.
    private(set) var size = 0
    /// What counts against the ``DescriptorBudget``.
    private(set) var descriptorCount = 0
    private var taken = 0

    /// The last of a run is never claimed, so no claim makes it empty.
    var isEmpty: Bool { count == 0 }

    mutating func append(_ run: Run) {
        count += run.count
        size += run.range.count
        if first == nil, items.isEmpty { first = run } else if !extendLast(by: run) { items.append(.run(run)) }
    }

    /// Where messages come one by one, an item for each would take many times what they are counted as.
    private mutating func extendLast(by run: Run) -> Bool {
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

    /// - Parameter holder: what the taker was lent, if anything; it is of no use any more.
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

    /// How many have been taken, as far as is settled, since this was asked the last time.
    mutating func collectTaken() -> Int {
        defer { taken = 0 }
        return taken
    }

    // MARK: Lending

    /// For a taker who will want more than one; nil where it is not worth it, or another has it.
    mutating func lend() -> RunCursor? {
        guard cursor == nil, let first, first.count > 2 else { return nil }
        cursor = RunCursor(first.chunk, first.range)
        claimedBefore = 0
        return cursor
    }

    /// Counts what has been claimed.
    mutating func settle() {
        if let cursor { settle(cursor.progress) }
    }

    /// Ends the lending: nobody claims any more. It is quicker where the holder itself does it.
    mutating func revoke(for holder: RunCursor? = nil) {
        guard let cursor else { return }
        settle(cursor.revoke(byHolder: cursor === holder))
        self.cursor = nil
    }

    /// Ends the lending where the holder is gone, or claims no more: there is nobody to agree with.
    mutating func endLending() {
        revoke(for: cursor)
    }

    private mutating func settle(_ progress: (claimed: Int, position: Int)) {
        guard let run = first else { return }
        let messages = progress.claimed - claimedBefore
        claimedBefore = progress.claimed
        didTake(messages, size: progress.position - run.range.lowerBound)
        first?.count -= messages
        first?.range = progress.position..<run.range.upperBound
    }

    /// The frames they came in, for another port to receive. What came along is taken out of the messages for
    /// good: nobody else has seen it.
    ///
    /// Nothing is to be lent.
    var remainder: StreamPiece {
        var piece = StreamPiece()
        if let first { piece.append(first) }
        for item in items {
            switch item {
            case .run(let run): piece.append(run)
            case .message(let message, _): piece.append(message.frame())
            }
        }
        return piece
    }
}

extension StreamPiece {
    fileprivate mutating func append(_ run: InputQueue.Run) {
        bytes.append(contentsOf: run.chunk.memory[run.range])
    }
}
