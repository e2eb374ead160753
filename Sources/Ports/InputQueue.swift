import DequeModule

/// Messages that wait to be taken, and what they cost meanwhile; does no I/O.
struct InputQueue {
    /// What a queued message costs beside its payload, so that a flood of empty ones is bounded too.
    private static let messageOverhead = 64

    private(set) var messages: Deque<Message> = []
    /// What counts against ``PortLimits/queuedInput``, in bytes.
    private(set) var size = 0
    /// What counts against the ``DescriptorBudget``.
    private(set) var descriptorCount = 0

    var isEmpty: Bool { messages.isEmpty }
    var count: Int { messages.count }

    mutating func append(_ message: Message) {
        messages.append(message)
        size += Self.cost(of: message)
        descriptorCount += message.descriptorCount
    }

    mutating func popFirst() -> Message? {
        guard let message = messages.popFirst() else { return nil }
        size -= Self.cost(of: message)
        descriptorCount -= message.descriptorCount
        return message
    }

    mutating func removeAll() {
        self = InputQueue()
    }

    /// With what the ports in it have brought along.
    private static func cost(of message: Message) -> Int {
        message.count + messageOverhead + message.baggage
    }
}
