/// What arrives on a port, in order, to the end of the port or of what its peer posts.
///
/// Each message goes to one consumer; several may take turns. A slow consumer costs nobody but its peer: up
/// to 1 MiB waits here (``PortLimits/queuedInput``), then the port stops reading and the kernel stalls the sender.
///
/// The sequence ends after the last message when the peer has finished or closed, or this side has closed or given the
/// port away. It throws ``PortError`` with ``PortError/Code/closed`` where the port ended any other way, after what
/// arrived before that. It ends early, without an error, when the task is cancelled.
public struct Messages: AsyncSequence, Sendable {
    public typealias Element = Message
    public typealias Failure = PortError

    let port: MessagePort

    public func makeAsyncIterator() -> AsyncIterator {
        port.start()
        return AsyncIterator(port: port)
    }

    public struct AsyncIterator: AsyncIteratorProtocol {
        @usableFromInline let port: MessagePort
        /// What the line has lent of its input.
        @usableFromInline var run: RunCursor?

        @inlinable @inline(__always)
        public mutating func next() async throws(PortError) -> Message? {
            try await next(isolation: nil)
        }

        /// Inlined, so that a message which is here already costs neither a suspension nor a look at executors.
        @inlinable @inline(__always)
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(PortError) -> Message? {
            if let message = run?.claim() { return message }
            if let message = port.takeNow(&run) { return message }
            return try await port.take(&run)
        }
    }
}

/// What has been lent to it is for one taker at a time.
@available(*, unavailable)
extension Messages.AsyncIterator: Sendable {}

extension MessagePort {
    /// What arrives. Taking the first starts the port.
    public var messages: Messages { Messages(port: self) }

    /// A message that is here already.
    @usableFromInline
    func takeNow(_ run: inout RunCursor?) -> Message? {
        // Else a peer that never pauses would keep a cancelled task for ever.
        if Task.isCancelled { return nil }
        let (message, cursor) = line.change { state, wakeups in
            (state.takeInput(holding: run, for: line, &wakeups), state.input.lend())
        }
        run = cursor
        return message
    }

    /// The next message, or nil at the end, in time.
    @usableFromInline
    nonisolated(nonsending) func take(_ run: inout RunCursor?) async throws(PortError) -> Message? {
        // Not later: who has been woken for a message takes it, or nobody would.
        if Task.isCancelled { return nil }
        while true {
            await line.waitOnce(for: .input) { $0.hasNews }
            let (outcome, cursor) = line.change { state, wakeups in
                (state.takeMessage(holding: run, for: line, &wakeups), state.input.lend())
            }
            run = cursor
            switch outcome {
            case .message(let message): return message
            case .end(nil): return nil
            case .end(let reason?):
                if reason.code == .closed || reason.code == .transferred { return nil }
                throw .closed(reason)
            case .nothing: if Task.isCancelled { return nil }
            }
        }
    }
}
