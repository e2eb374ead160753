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

    /// What is taken next: the rest of a run, from `position` to `end` in its chunk.
    private var chunk: Chunk?
    private var position = 0
    private var end = 0
    private var items: Deque<Item> = []
    /// How many messages.
    private(set) var count = 0
    /// What they hold: bytes of their frames, and an estimate for what came along.
    private(set) var size = 0
    /// What counts against the ``DescriptorBudget``.
    private(set) var descriptorCount = 0

    var isEmpty: Bool { count == 0 }

    mutating func append(_ run: Run) {
        count += run.count
        size += run.range.count
        if chunk == nil, items.isEmpty { begin(run) } else { items.append(.run(run)) }
    }

    mutating func append(_ message: Message, _ cost: Cost) {
        count += 1
        size += cost.size
        descriptorCount += cost.descriptors
        items.append(.message(message, cost))
    }

    private mutating func begin(_ run: Run) {
        chunk = run.chunk
        position = run.range.lowerBound
        end = run.range.upperBound
    }

    mutating func popFirst() -> Message? {
        if chunk == nil {
            switch items.popFirst() {
            case nil: return nil
            case .run(let run)?: begin(run)
            case .message(let message, let cost)?:
                count -= 1
                size -= cost.size
                descriptorCount -= cost.descriptors
                return message
            }
        }
        return cut()
    }

    private mutating func cut() -> Message? {
        guard let chunk else { return nil }
        let header = FrameHeader(checked: chunk.memory, at: position)
        let start = position + FrameHeader.size
        let next = start + header.length
        count -= 1
        size -= next - position
        position = next
        let message = Message(header.kind, Payload(chunk, start..<next))
        if next == end { self.chunk = nil }
        return message
    }

    mutating func removeAll() {
        self = InputQueue()
    }

    /// The frames they came in, for another port to receive. What came along is taken out of the messages for
    /// good: nobody else has seen it.
    var remainder: StreamPiece {
        var piece = StreamPiece()
        if let chunk { piece.append(Run(chunk: chunk, range: position..<end, count: 0)) }
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
