/// What arrives on a port, in order, to the end of the port or of what its peer posts.
///
/// A slow consumer costs nobody but its peer: up to 1 MiB waits here (``PortLimits/queuedInput``), then the port stops
/// reading and the kernel stalls the sender.
///
/// The sequence ends after the last message when the peer has finished or closed, or this side has closed or given the
/// port away. It throws ``PortError`` with ``PortError/Code/closed`` where the port ended any other way, after what
/// arrived before that.
///
/// A task that is cancelled gets `CancellationError` from the iterator, and never the end: no message is lost by it, and
/// the next iterator goes on with the one that the task did not take.
///
/// A port's messages go to one taker at a time: an iterator, a call of ``MessagePort/nextMessage(within:)`` or
/// ``MessagePort/takeMessage()``, or the handler of ``MessagePort/onMessage(_:)``. An iterator has them to itself from
/// its first `next()` until the iterator is gone (its loop has been left), or has returned nil, or has thrown. Another
/// one that takes meanwhile throws ``PortError`` with ``PortError/Code/alreadyTaken``, and the first one misses nothing.
/// A handler cannot be refused: it takes over, and the iterator throws that error. So several loops may take turns, one
/// after the other; to read a header and then a body, call `next()` twice on one iterator.
public struct Messages: AsyncSequence, Sendable {
    public typealias Element = Message
    public typealias Failure = any Error

    let port: MessagePort

    /// An iterator, and starts the port. Iterators that have not been asked for a message do not disturb one another.
    public func makeAsyncIterator() -> AsyncIterator {
        port.start()
        return AsyncIterator(taker: Taker(port))
    }

    /// Takes one message after the other. A copy is the same taker.
    public struct AsyncIterator: AsyncIteratorProtocol {
        @usableFromInline let taker: Taker
        /// What the line has lent of its input.
        @usableFromInline var run: RunCursor?

        /// The next message, as soon as it is there; nil after the last one.
        /// - Throws: ``PortError``: ``PortError/Code/closed`` and the reason where the port broke off,
        ///   ``PortError/Code/alreadyTaken`` where another takes this port's messages; `CancellationError` where the
        ///   task is cancelled.
        @inlinable @inline(__always)
        public mutating func next() async throws -> Message? {
            try await next(isolation: nil)
        }

        /// The same, without leaving the actor.
        ///
        /// Inlined, so that a message which is here already costs neither a suspension nor a look at executors.
        @inlinable @inline(__always)
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> Message? {
            if let message = run?.claim() { return message }
            if let message = taker.takeNow(&run) { return message }
            return try await taker.take(&run)
        }
    }
}

/// What has been lent to it is for one taker at a time.
@available(*, unavailable)
extension Messages.AsyncIterator: Sendable {}

extension MessagePort {
    // MARK: Taking

    /// What arrives, for a loop. Taking the first message starts the port.
    public var messages: Messages { Messages(port: self) }

    /// Waits for the next message; nil after the last one. Starts the port.
    ///
    /// For a single message, such as an answer. To take many, loop over ``messages``, which is quicker.
    /// - Parameter limit: how long to wait, on CLOCK_MONOTONIC; without one, for as long as it takes. Zero takes what is
    ///   there. On a loop made by ``EventLoop/makeDrivenByForeignLoop()`` the time ends when the loop is turned.
    /// - Throws: ``PortError``: ``PortError/Code/timedOut`` where no message has come by then (one that comes later is
    ///   not lost), ``PortError/Code/closed`` and the reason where the port broke off, ``PortError/Code/alreadyTaken``
    ///   where another takes this port's messages; `CancellationError` where the task is cancelled.
    public nonisolated(nonsending) func nextMessage(within limit: Duration? = nil) async throws -> Message? {
        start()
        return try await Taker(self).takeOne(within: limit)
    }

    /// Takes the next message of those that have been received, without waiting: nil where there is none. Starts the
    /// port; what the peer has sent is received by the port's ``EventLoop``.
    ///
    /// For a program with a main loop of its own, which looks once a frame. Nil means nothing *yet*, or nothing *any
    /// more*; ``peerHasFinished`` tells, if it is read before:
    ///
    /// ```swift
    /// let isLast = port.peerHasFinished
    /// while let message = try port.takeMessage() { show(message) }
    /// if isLast { … }  // Nothing will come any more, and all has been taken.
    /// ```
    ///
    /// - Throws: ``PortError``: ``PortError/Code/closed`` and the reason where the port broke off and all has been
    ///   taken; ``PortError/Code/alreadyTaken`` where another takes this port's messages.
    public func takeMessage() throws(PortError) -> Message? {
        let outcome = line.change { state, wakeups in
            state.start(for: line)
            return state.takeMessage(as: nil, holding: nil, for: line, &wakeups)
        }
        return try outcome.get()
    }
}
