/// Messages that are made once and posted together, to one port or to many.
///
/// A message is encoded for the line when it is appended, and is not copied again: neither for a second port, nor where
/// a port queues it. So a batch is the quickest way to post many short messages, or to post the same message to a
/// thousand ports:
///
/// ```swift
/// var news = MessageBatch()
/// try news.append("it is noon")
/// for refusal in ports.postMessages(news) { print("not posted: \(refusal.error)") }
/// ```
///
/// A port takes a batch as a whole. So a batch always has room in an empty queue, and a batch larger than
/// ``PortLimits/queuedOutput`` waits until the queue is empty. Queueing it costs the port no memory beyond the batch's
/// own.
///
/// A batch is a value: after posting, it can be appended to and posted again, and what the ports have taken does not
/// change. A batch cannot transfer anything, since a transferred thing can go to only one port.
public struct MessageBatch: Sendable {
    /// Full, or shared with a port's queue or another copy of the batch.
    private var closed: [GatheredFrames] = []
    private var open: GatheredFrames?
    /// The number of messages.
    public private(set) var count = 0
    /// Their size in bytes, frame headers included: this counts against ``PortLimits/queuedOutput``.
    public private(set) var size = 0
    /// The length of the longest message.
    private(set) var longest = 0

    public init() {}

    public var isEmpty: Bool { count == 0 }

    /// Appends a message.
    ///
    /// - Throws: ``PortError`` with ``PortError/Code/notTransferable`` where the message transfers something. Then
    ///   nothing was appended or given away.
    public mutating func append(_ message: OutgoingMessage) throws(PortError) {
        // An error, not a trap: a forwarded message transfers whatever its sender chose to send.
        if !message.transfer.isEmpty { throw .notForMany(message.transfer.count) }
        try message.withPayload { payload, _ in append(message.frame, payload) }
    }

    /// Removes all messages, and reuses their memory where no port holds it.
    public mutating func removeAll() {
        closed = []
        if isKnownUniquelyReferenced(&open) { open?.removeAll() } else { open = nil }
        (count, size, longest) = (0, 0, 0)
    }

    @inline(__always)
    private mutating func append(_ kind: FrameKind, _ payload: UnsafeRawBufferPointer) {
        let header = FrameHeader(kind, length: payload.count)
        // Do not append to frames that a port or a copy of this batch shares.
        if !isKnownUniquelyReferenced(&open) || open?.append(header, payload) != true {
            begin(header, payload)
        }
        count &+= 1
        size &+= FrameHeader.size &+ payload.count
        longest = max(longest, payload.count)
    }

    private mutating func begin(_ header: FrameHeader, _ payload: UnsafeRawBufferPointer) {
        if let open { closed.append(open) }
        do throws(OutOfMemory) {
            open = try GatheredFrames(beginningWith: header, payload)
        } catch {
            // This memory is the program's own, like an array's: no peer can make this fail.
            fatalError("\(error)")
        }
    }

    // MARK: For the line

    /// All frames, where they are in one piece of memory.
    var onlyFrames: GatheredFrames? { closed.isEmpty ? open : nil }

    var frames: [GatheredFrames] { open.map { closed + [$0] } ?? closed }

    /// Calls the closure with each message.
    func visit(_ body: (FrameKind, UnsafeRawBufferPointer) -> Void) {
        for frames in frames {
            guard var frame = frames.bytes.baseAddress else { continue }
            let end = frame + frames.count
            while frame < end {
                let header = FrameHeader(checked: frame)
                let payload = frame + FrameHeader.size
                body(header.kind, UnsafeRawBufferPointer(start: payload, count: header.length))
                frame = payload + header.length
            }
        }
    }
}

extension MessagePort {
    /// Posts all messages of a batch, or none. Never waits. Otherwise the same as
    /// ``postMessage(_:)-(OutgoingMessage)``.
    ///
    /// The batch is written at once: when this returns, the kernel has as much of it as it takes.
    /// - Returns: whether the port took the messages; `false` on a port that is over.
    @discardableResult
    public func postMessages(_ batch: MessageBatch) throws(PortError) -> Bool {
        if batch.isEmpty { return closeReason == nil }
        return try line.post(batch)
    }

    /// Posts all messages of a batch, waiting for room for all of it; where the batch is larger than
    /// ``PortLimits/queuedOutput``, until the queue is empty. Otherwise the same as ``send(_:)``.
    public func sendMessages(_ batch: MessageBatch) async throws(PortError) {
        if batch.isEmpty { return }
        try await line.whenThereIsRoom(for: batch.longest, frames: batch.size) { () throws(PortError) in
            try postMessages(batch)
        }
    }
}
