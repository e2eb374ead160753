/// The messages that arrive on a port, in order, until the peer has finished or the port ends.
///
/// A slow consumer stalls only its own peer: up to 1 MiB waits here (``PortLimits/queuedInput``), then the port stops
/// reading and the kernel stalls the sender.
///
/// The sequence ends after the last message when the peer has finished or closed, or this side has closed the port or
/// given it away. Where the port ended in any other way, it throws ``PortError`` with ``PortError/Code/closed``, after
/// the messages that arrived before.
///
/// A cancelled task gets `CancellationError` from the iterator, never the end. No message is lost by it: the next
/// iterator goes on with the message that the task did not take.
///
/// A port's messages go to one taker at a time: an iterator, a call of ``MessagePort/nextMessage(within:)`` or
/// ``MessagePort/takeMessage()``, or the handler of ``MessagePort/onMessage(_:)``. An iterator has the messages to
/// itself from its first `next()` until the iterator is gone (its loop has been left), has returned nil, or has thrown.
/// Another taker throws ``PortError`` with ``PortError/Code/alreadyTaken`` meanwhile, and the first one misses no
/// message. A handler is never refused: it takes over, and the iterator throws that error. So several loops may take
/// turns, one after the other; to read a header and then a body, call `next()` twice on one iterator.
public struct Messages: AsyncSequence, Sendable {
    public typealias Element = Message
    public typealias Failure = any Error

    let port: MessagePort

    /// Starts the port and makes an iterator. Iterators that have not been asked for a message do not disturb one
    /// another.
    public func makeAsyncIterator() -> AsyncIterator {
        port.start()
        return AsyncIterator(taker: Taker(port))
    }

    /// Takes one message after the other. A copy of an iterator is the same taker.
    public struct AsyncIterator: AsyncIteratorProtocol {
        @usableFromInline let taker: Taker
        /// The run of messages that the line has lent, if any.
        @usableFromInline var run: RunCursor?

        /// The next message, as soon as it has arrived; nil after the last one.
        /// - Throws: ``PortError``: ``PortError/Code/closed`` and the reason where the port broke off,
        ///   ``PortError/Code/alreadyTaken`` where another taker has this port's messages; `CancellationError` where
        ///   the task is cancelled.
        @inlinable @inline(__always)
        public mutating func next() async throws -> Message? {
            try await next(isolation: nil)
        }

        /// The same, without leaving the actor.
        ///
        /// Inlined, so that a message which has arrived already costs neither a suspension nor a check of executors.
        @inlinable @inline(__always)
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> Message? {
            if let message = run?.claim() { return message }
            if let message = taker.takeNow(&run) { return message }
            return try await taker.take(&run)
        }
    }
}

/// Not sendable, since its run of messages is lent to one task at a time.
@available(*, unavailable)
extension Messages.AsyncIterator: Sendable {}

extension MessagePort {
    // MARK: Taking

    /// The messages that arrive, for a `for try await` loop. Taking the first message starts the port.
    public var messages: Messages { Messages(port: self) }

    /// Waits for the next message; nil after the last one. Starts the port.
    ///
    /// Use this for a single message, such as an answer. To take many, loop over ``messages``, which is quicker.
    /// - Parameter limit: how long to wait, on CLOCK_MONOTONIC; without a limit, as long as it takes. Zero takes only a
    ///   message that has arrived. On a loop made by ``EventLoop/makeDrivenByForeignLoop()`` the time ends when the
    ///   loop is turned.
    /// - Throws: ``PortError``: ``PortError/Code/timedOut`` where no message has come within the limit (a later one is
    ///   not lost), ``PortError/Code/closed`` and the reason where the port broke off, ``PortError/Code/alreadyTaken``
    ///   where another taker has this port's messages; `CancellationError` where the task is cancelled.
    public nonisolated(nonsending) func nextMessage(within limit: Duration? = nil) async throws -> Message? {
        start()
        return try await Taker(self).takeOne(within: limit)
    }

    /// Takes the next received message without waiting; nil where there is none. Starts the port. The port's
    /// ``EventLoop`` receives what the peer has sent.
    ///
    /// Use this in a program with its own main loop, which checks once in each iteration. Nil means either that there
    /// is no message *yet*, or that *no more* will come. ``peerHasFinished`` tells which, if it is read before:
    ///
    /// ```swift
    /// let isLast = port.peerHasFinished
    /// while let message = try port.takeMessage() { show(message) }
    /// if isLast { … }  // Nothing will come any more, and all has been taken.
    /// ```
    ///
    /// - Throws: ``PortError``: ``PortError/Code/closed`` and the reason where the port broke off and all messages have
    ///   been taken; ``PortError/Code/alreadyTaken`` where another taker has this port's messages.
    public func takeMessage() throws(PortError) -> Message? {
        let outcome = line.change { state, wakeups in
            state.start(for: line)
            return state.takeMessage(as: nil, holding: nil, for: line, &wakeups)
        }
        return try outcome.get()
    }
}
