/// Messages that are made once and posted together, to one port or to many.
///
/// What is appended is put into the form in which it goes over a line, and is not copied again: neither for the
/// second port, nor where a port queues it. So this is the quickest way to post many short messages, and to tell a
/// thousand ports the same:
///
/// ```swift
/// var news = MessageBatch()
/// try news.append("it is noon")
/// for refusal in ports.postMessages(news) { print("not posted: \(refusal.error)") }
/// ```
///
/// It goes whole, so a batch that finds nothing queued always has room, and one that is larger than
/// ``PortLimits/queuedOutput`` waits until then. That costs the port no memory beside the batch's own.
///
/// A value: a batch that has been posted can be appended to and posted again, and ports have what was posted. Nothing
/// can be transferred along, since there is only one of it.
public struct MessageBatch: Sendable {
    /// Full, or somebody else's too.
    private var closed: [GatheredFrames] = []
    private var open: GatheredFrames?
    /// How many messages.
    public private(set) var count = 0
    /// Bytes that they take, frame headers included: what counts against ``PortLimits/queuedOutput``.
    public private(set) var size = 0
    /// Of the longest message.
    private(set) var longest = 0

    public init() {}

    public var isEmpty: Bool { count == 0 }

    /// Appends a message.
    ///
    /// - Throws: ``PortError`` with ``PortError/Code/notTransferable`` where the message transfers something. Then
    ///   nothing was appended, and nothing given away.
    public mutating func append(_ message: OutgoingMessage) throws(PortError) {
        // Not a trap: a message that is forwarded carries what its sender liked to send.
        if !message.transfer.isEmpty { throw .notForMany(message.transfer.count) }
        try message.withPayload { payload, _ in append(message.kind, payload) }
    }

    /// Begins anew, with the same memory where no port has it.
    public mutating func removeAll() {
        closed = []
        if isKnownUniquelyReferenced(&open) { open?.removeAll() } else { open = nil }
        (count, size, longest) = (0, 0, 0)
    }

    @inline(__always)
    private mutating func append(_ kind: FrameKind, _ payload: UnsafeRawBufferPointer) {
        let header = FrameHeader(kind, length: payload.count)
        // What a port has been given, or a copy of this batch, is not added to.
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
            // The program's own memory, as an array's would be; no peer leads here.
            fatalError("\(error)")
        }
    }

    // MARK: For the line

    /// All of them, where they are in one piece.
    var onlyFrames: GatheredFrames? { closed.isEmpty ? open : nil }

    var frames: [GatheredFrames] { open.map { closed + [$0] } ?? closed }

    /// Shows each message.
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
    /// Posts all messages of a batch, or none. Never waits. Otherwise as ``postMessage(_:)-(OutgoingMessage)``.
    ///
    /// What the kernel takes of it is with the kernel when this returns.
    /// - Returns: whether the port took them; `false` on a port that is over.
    @discardableResult
    public func postMessages(_ batch: MessageBatch) throws(PortError) -> Bool {
        if batch.isEmpty { return closeReason == nil }
        return try line.post(batch)
    }

    /// Posts all messages of a batch, waiting for room for all of it: where it is larger than
    /// ``PortLimits/queuedOutput``, until nothing is queued. Otherwise as ``send(_:)``.
    public func sendMessages(_ batch: MessageBatch) async throws(PortError) {
        if batch.isEmpty { return }
        try await line.whenThereIsRoom(for: batch.longest, frames: batch.size) { () throws(PortError) in
            try postMessages(batch)
        }
    }
}
