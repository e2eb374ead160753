import ConnectToLinux

/// A taker of a port's messages: an iterator of ``Messages``, or a call of ``MessagePort/nextMessage(within:)``.
///
/// From its first attempt to take a message on, a taker has the port's messages to itself, until it is gone, has
/// reached their end, or has thrown. Meanwhile another taker gets ``PortError/Code/alreadyTaken``. So does a taker that
/// goes on after a message handler has been set.
@usableFromInline
final class Taker: Sendable {
    /// Keeps the port alive, since the port closes when its last reference goes.
    private let port: MessagePort
    private let line: Line

    init(_ port: MessagePort) {
        self.port = port
        line = port.line
    }

    deinit {
        release()
    }

    private var id: ObjectIdentifier { ObjectIdentifier(self) }

    private func release() {
        line.change { state, _ in state.release(id) }
    }

    /// Takes a message that has arrived already; nil also where there is an error to throw.
    /// - Parameter run: the run that the line has lent, if any.
    @usableFromInline
    func takeNow(_ run: inout RunCursor?) -> Message? {
        // Otherwise a peer that never pauses would keep a cancelled task running for ever.
        if Task.isCancelled { return nil }
        let (message, cursor) = line.change { state, wakeups -> (Message?, RunCursor?) in
            guard state.claim(id) else { return (nil, nil) }
            return (state.takeInput(holding: run, for: line, &wakeups), state.input.lend())
        }
        run = cursor
        return message
    }

    /// Waits for the next message; nil at the end.
    @usableFromInline
    nonisolated(nonsending) func take(_ run: inout RunCursor?) async throws -> Message? {
        // Check cancellation only before waiting: a task that was woken for a message must take it, or no task would.
        if Task.isCancelled { throw cancellation() }
        while true {
            await line.waitOnce(for: .input) { [id] in $0.hasNews(for: id) }
            let (outcome, cursor) = line.change { state, wakeups -> (LineState.Take, RunCursor?) in
                let outcome = state.takeMessage(as: id, holding: run, for: line, &wakeups)
                return (outcome, state.taker == id ? state.input.lend() : nil)
            }
            run = cursor
            switch outcome {
            case .message(let message): return message
            case .nothing: if Task.isCancelled { throw cancellation() }
            case .end, .refused: return try outcome.get()
            }
        }
    }

    /// Takes one message, or nil at the end. No run is lent for it.
    nonisolated(nonsending) func takeOne(within limit: Duration?) async throws -> Message? {
        let deadline = limit.map { SuspendingClock.now.advanced(by: $0) }
        if Task.isCancelled { throw CancellationError() }
        while true {
            let outcome = line.change { state, wakeups in
                state.takeMessage(as: id, holding: nil, for: line, &wakeups)
            }
            if !outcome.isNothing { return try outcome.get() }
            if Task.isCancelled { throw CancellationError() }
            let rest = deadline.map { SuspendingClock.now.duration(to: $0) }
            if let limit, let rest, rest <= .zero { throw PortError.timedOut(limit, "no message has come") }
            await line.wait(for: .input, within: rest) { [id] in $0.hasNews(for: id) }
        }
    }

    private func cancellation() -> CancellationError {
        release()
        return CancellationError()
    }
}
