import ConnectToLinux

extension MessagePort {
    // MARK: Posting

    /// Posts a message. Never waits.
    ///
    /// What the kernel does not take at once is queued, up to 16 MiB (``PortLimits/queuedOutput``); a peer that
    /// reads slowly fills the queue, and only then does this throw. A message that finds nothing queued always has
    /// room.
    ///
    /// A lone message is with the kernel when this returns, if that has room. Of many in a row several go together, as
    /// soon as they are 64 KiB: on the port's loop at the end of its turn at the latest, elsewhere within 100
    /// microseconds. Quicker for many, or for many ports, is a ``MessageBatch``. A program that exits right after
    /// posting awaits ``flush()`` first.
    ///
    /// All that the message transfers goes with it or, if this throws, nothing of it. A port goes with everything that
    /// it has received and not delivered, and posted and not written, so that order holds and nothing is lost over any
    /// number of hops; it arrives not started. Its own ``closeReason`` here is ``CloseReason/Code/transferred``. Up to
    /// 253 things go with one message, and 253 descriptors in all, those inside of ports included.
    ///
    /// - Returns: whether the port took the message. On a port that is over the message goes nowhere, and what it was to
    ///   transfer is closed, as the HTML standard has it: then this is `false`, and ``closeReason`` says why.
    /// - Throws: ``PortError``: ``PortError/Code/queueFull``, ``PortError/Code/messageTooLarge`` (over 64 MiB or
    ///   ``PortLimits/messageLength``), ``PortError/Code/finished``; and with something to
    ///   transfer ``PortError/Code/detached`` for what was closed or given away before, ``PortError/Code/notOpen``,
    ///   ``PortError/Code/notTransferable``, ``PortError/Code/tooManyDescriptors``.
    @discardableResult
    public func postMessage(_ message: OutgoingMessage) throws(PortError) -> Bool {
        try message.withPayload { payload, owner throws(PortError) in
            try line.post(message.kind, payload, keeping: owner, message.transfer)
        }
    }

    /// Posts bytes; the same as `.bytes(bytes)`, and as ``postMessage(_:)-(OutgoingMessage)`` otherwise.
    @discardableResult
    public func postMessage(_ bytes: [UInt8]) throws(PortError) -> Bool {
        try bytes.withBytes { payload throws(PortError) in
            try line.post(.bytes, payload, keeping: .array(bytes))
        }
    }

    /// Posts text; the same as `.text(text)`, and as ``postMessage(_:)-(OutgoingMessage)`` otherwise.
    @discardableResult
    public func postMessage(_ text: String) throws(PortError) -> Bool {
        try text.withBytes { payload throws(PortError) in try line.post(.text, payload) }
    }

    // MARK: Posting the newest value

    /// Posts a message in place of the one that still waits here under the same key, if one does: of something that
    /// changes faster than the peer reads, such as a position or a progress, the peer gets the newest value and not all.
    ///
    /// ```swift
    /// try port.postMessage(.encoding(position), replacing: "pointer")
    /// ```
    ///
    /// While the peer keeps up, each message goes. When it is slow, a message of which the kernel has taken no byte yet
    /// is replaced, at its place in the queue: what was posted before it still arrives before, and what was posted
    /// behind it, behind. So as much waits as one message for each key, however long the peer is slow. A message that
    /// is no longer than the one that it replaces has room in a full queue too.
    ///
    /// Keys are this port's own, and the peer sees none of them. What travels with the port when that is given away is
    /// not replaced any more.
    ///
    /// - Returns: whether the port took the message, as for ``postMessage(_:)-(OutgoingMessage)``.
    /// - Throws: as ``postMessage(_:)-(OutgoingMessage)``; and ``PortError/Code/notTransferable`` for a message that
    ///   transfers something, for that would be lost with it when it is replaced.
    @discardableResult
    public func postMessage(_ message: OutgoingMessage, replacing key: String) throws(PortError) -> Bool {
        if !message.transfer.isEmpty { throw .notReplaceable }
        return try message.withPayload { payload, owner throws(PortError) in
            try line.post(message.kind, payload, keeping: owner, replacing: key)
        }
    }

    // MARK: Waiting for room

    /// Posts a message, waiting for room in the queue if the peer is slow to read. While it waits nothing has been
    /// given away.
    ///
    /// Room is here what is below half of ``PortLimits/queuedOutput`` (8 MiB if not set): a caller that can wait leaves
    /// the other half to those that cannot. So a loop of this holds that and one message, at the most.
    ///
    /// - Throws: ``PortError``: ``PortError/Code/closed`` if the port is over before there was room,
    ///   ``PortError/Code/cancelled`` if the task is cancelled before (then nothing was posted), and as
    ///   ``postMessage(_:)-(OutgoingMessage)``.
    public func send(_ message: OutgoingMessage) async throws(PortError) {
        try await line.whenThereIsRoom(for: message.count) { () throws(PortError) in try postMessage(message) }
    }
}
