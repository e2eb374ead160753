import ConnectToLinux

extension MessagePort {
    // MARK: Posting

    /// Posts a message. Never waits.
    ///
    /// The part that the kernel does not take at once is queued, up to 16 MiB (``PortLimits/queuedOutput``). This
    /// throws only when a peer that reads slowly has filled the queue. An empty queue has room for any message.
    ///
    /// A single message is with the kernel when this returns, if the kernel has room. Of many messages in a row,
    /// several go together, as soon as they make up 64 KiB: on the port's loop at the end of its turn at the latest,
    /// elsewhere within 100 microseconds. For many messages, or many ports, a ``MessageBatch`` is quicker. A program
    /// that exits right after posting should await ``flush()`` first.
    ///
    /// All things that the message transfers go with it or, if this throws, none of them. A port takes along the
    /// messages that it has received and not delivered, and those that it has posted and not written. So order holds
    /// and nothing is lost over any number of hops. The port arrives not started; its ``closeReason`` here becomes
    /// ``CloseReason/Code/transferred``. One message carries up to 253 things, and 253 descriptors in all, those inside
    /// of ports included.
    ///
    /// - Returns: whether the port took the message. A port that is over drops the message and closes the things that
    ///   it was to transfer, as the HTML standard has it: then this is `false`, and ``closeReason`` says why.
    /// - Throws: ``PortError``: ``PortError/Code/queueFull``, ``PortError/Code/messageTooLarge`` (over 64 MiB or
    ///   ``PortLimits/messageLength``), ``PortError/Code/finished``; and for a message that transfers something
    ///   ``PortError/Code/detached`` where a thing was closed or given away before, ``PortError/Code/notOpen``,
    ///   ``PortError/Code/notTransferable``, ``PortError/Code/tooManyDescriptors``.
    @discardableResult
    public func postMessage(_ message: OutgoingMessage) throws(PortError) -> Bool {
        try message.withPayload { payload, owner throws(PortError) in
            try line.post(message.frame, payload, keeping: owner, message.transfer)
        }
    }

    /// Posts bytes, as ``postMessage(_:)-(OutgoingMessage)`` does with `.bytes(bytes)`.
    @discardableResult
    public func postMessage(_ bytes: [UInt8]) throws(PortError) -> Bool {
        if bytes.withUnsafeBytes({ line.gather(.bytes, $0) }) { return true }
        return try bytes.withBytes { payload throws(PortError) in
            try line.postAlone(.bytes, payload, keeping: .array(bytes))
        }
    }

    /// Posts bytes that the caller lends, as ``postMessage(_:)-(OutgoingMessage)`` does with `.bytes(bytes)`: for a
    /// message that a program has written into memory of its own. What the kernel does not take at once is copied.
    @discardableResult
    public func postMessage(_ bytes: RawSpan) throws(PortError) -> Bool {
        try bytes.withUnsafeBytes { bytes throws(PortError) in try line.post(.bytes, bytes) }
    }

    /// Posts text, as ``postMessage(_:)-(OutgoingMessage)`` does with `.text(text)`.
    @discardableResult
    public func postMessage(_ text: String) throws(PortError) -> Bool {
        let isGathered = text.utf8.withContiguousStorageIfAvailable { line.gather(.text, UnsafeRawBufferPointer($0)) }
        if isGathered == true { return true }
        return try text.withBytes { payload throws(PortError) in try line.postAlone(.text, payload, keeping: nil) }
    }

    // MARK: Posting the newest value

    /// Posts a message in place of the one that still waits here under the same key, if there is one. For a value that
    /// changes faster than the peer reads, such as a position or a progress, the peer gets the newest value and not
    /// every value.
    ///
    /// ```swift
    /// try port.postMessage(.encoding(position), replacing: "pointer")
    /// ```
    ///
    /// While the peer keeps up, it gets each message. When the peer is slow, a message of which the kernel has taken no
    /// byte yet is replaced at its place in the queue: messages posted before it still arrive before, and messages
    /// posted after it arrive after. So at most one message for each key waits, however long the peer is slow. A
    /// message that is no longer than the one that it replaces has room in a full queue too.
    ///
    /// Keys belong to this port, and the peer sees none of them. Messages that wait when the port is given away travel
    /// with it, and cannot be replaced any more.
    ///
    /// - Returns: whether the port took the message, as for ``postMessage(_:)-(OutgoingMessage)``.
    /// - Throws: as ``postMessage(_:)-(OutgoingMessage)``; and ``PortError/Code/notTransferable`` for a message that
    ///   transfers something, which would be lost when the message is replaced.
    @discardableResult
    public func postMessage(_ message: OutgoingMessage, replacing key: String) throws(PortError) -> Bool {
        if !message.transfer.isEmpty { throw .notReplaceable }
        return try message.withPayload { payload, owner throws(PortError) in
            try line.post(message.frame, payload, keeping: owner, replacing: key)
        }
    }

    // MARK: Waiting for room

    /// Waits until the queue has room, without posting: for a program that makes its next message only when the peer
    /// can take it, such as the newest state of something.
    ///
    /// ```swift
    /// while true {
    ///     try await port.waitUntilWritable()
    ///     try port.postMessage(.encoding(latestState()))
    /// }
    /// ```
    ///
    /// The queue has room for this call as it has for ``send(_:)``, below half of ``PortLimits/queuedOutput``. So a
    /// short message that is posted right after is not refused with ``PortError/Code/queueFull``, unless other callers
    /// have filled the other half meanwhile. A port that is not open yet has room until its queue fills.
    /// - Parameter limit: how long to wait, as in ``waitUntilOpen(within:)``.
    /// - Throws: ``PortError``: ``PortError/Code/closed`` and the reason where the port is over or ends before there is
    ///   room, ``PortError/Code/finished`` after ``finish()``, ``PortError/Code/timedOut`` where the limit ends first,
    ///   ``PortError/Code/cancelled`` where the waiting task is cancelled.
    public func waitUntilWritable(within limit: Duration? = nil) async throws(PortError) {
        await line.wait(for: .room, within: limit) { [line] in $0.hasRoomForSend(0, line) || $0.life.reason != nil }
        let (hasRoom, isOpen, reason) = line.read {
            ($0.hasRoomForSend(0, line), $0.life.takesPosts, $0.life.reason)
        }
        if let reason { throw .closed(reason) }
        if !isOpen { throw .finishedAlready }
        if !hasRoom { throw Self.waitFailure(limit, "the queue of the port has no room yet") }
    }

    /// Posts a message, waiting for room in the queue if the peer is slow to read. While this waits, nothing has been
    /// given away.
    ///
    /// For this call, the queue has room below half of ``PortLimits/queuedOutput`` (8 MiB if not set): a caller that
    /// can wait leaves the other half to callers that cannot. So a loop over this call queues that half and one
    /// message, at the most.
    ///
    /// A port that is over makes this throw, where ``postMessage(_:)-(OutgoingMessage)`` returns `false`: posting follows
    /// the HTML standard, in which it never fails for a peer that is gone. A task that waits needs an end instead, or
    /// its loop would go on posting into nothing. Messages that had arrived by then are still there to be taken.
    ///
    /// - Throws: ``PortError``: ``PortError/Code/closed`` and the reason where the port is over or ends before there is
    ///   room, ``PortError/Code/cancelled`` if the task is cancelled before (then nothing was posted), and as
    ///   ``postMessage(_:)-(OutgoingMessage)``.
    public func send(_ message: OutgoingMessage) async throws(PortError) {
        try await line.whenThereIsRoom(for: message.count) { () throws(PortError) in try postMessage(message) }
    }
}
