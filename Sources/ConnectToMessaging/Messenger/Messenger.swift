public import ConnectTo
import ConnectToLinux

/// One line of calls to another program: requests and events in both directions.
///
/// ```swift
/// let dashboard = try await bus.messenger(to: "dashboard")
/// let status = try await dashboard.request(Dashboard.status, StatusQuery())
/// ```
///
/// A messenger closes its port when its last reference is gone. Then, and when the line ends by itself, everything
/// that waits ends with ``CallError/Code/lineEnded``.
///
/// **Handlers** start in the order in which requests and events have arrived, on Swift's pool of threads
/// (``Handlers``). Nothing that a handler does keeps answers from being read.
///
/// **A slow program** gets no more than ``MessengerOptions`` says. Requests to it wait here, until their time is over;
/// events are refused.
public final class Messenger: CallHandling {
    let line: CallLine

    /// Makes a messenger of a port. Both programs have to do so; a program that does not ends the line.
    ///
    /// - Parameters:
    ///   - port: an end of the line; from now on the messenger's.
    ///   - peer: who the other program is, for handlers to see.
    ///   - handlers: what answers the other program's requests and hears its events, perhaps that of other lines too.
    ///   - options: how the line is treated.
    ///   - starts: whether the messenger starts at once. One that does not waits for ``start()``, so that handlers can
    ///     be set on it before anything arrives.
    public convenience init(
        _ port: MessagePort, peer: Peer? = nil, handlers: Handlers = Handlers(),
        options: MessengerOptions = MessengerOptions(), starts: Bool = true
    ) {
        self.init(port, peer: peer, peerID: nil, handlers: handlers, options: options)
        if starts { line.start() }
    }

    /// Makes a messenger that takes nothing from its port before its line is started.
    ///
    /// - Parameter onEnd: called once, when the line has ended, and before anything that waits for it.
    init(
        _ port: MessagePort, peer: Peer?, peerID: String?, handlers: Handlers, options: MessengerOptions,
        isLane: Bool = false, onEnd: (@Sendable (CloseReason) -> Void)? = nil
    ) {
        line = CallLine(
            port, peer: peer, peerID: peerID, handlers: handlers, options: options, isLane: isLane, onEnd: onEnd)
        line.messenger = self
    }

    deinit {
        line.close()
    }

    public var handlers: Handlers { line.handlers }

    // MARK: Opening

    /// Says hello to the other program, and begins to take what it sends: for a messenger that was made with
    /// `starts: false`. A second call does nothing.
    ///
    /// Until then requests and events wait on this side, with their deadlines and limits, and what the other program
    /// sends waits with the kernel. Nor is the end of the line noticed before.
    public func start() { line.start() }

    /// Waits until the other program has started its messenger of this line, so that its hello is here.
    ///
    /// A program need not call this: requests and events go out by themselves when their turn comes.
    ///
    /// - Throws: `PortError`: `closed` and the reason where the line ends before, `cancelled` where the waiting task is
    ///   cancelled; then the line lives on.
    public func waitUntilOpen() async throws(PortError) {
        guard let outcome = await line.opened.wait() else {
            throw PortError(.cancelled, "the task that waited for the other program's messenger was cancelled")
        }
        if let reason = outcome {
            throw PortError(.closed, "the line ended before the other program's messenger: \(reason)", reason: reason)
        }
    }

    // MARK: Ending

    /// Why the line is over; nil while it is not.
    public var closeReason: CloseReason? { line.closeReason }

    /// Waits until the line is over, and returns why: of a line that was released (``release(within:)``) at once, with
    /// `transferred`.
    ///
    /// - Parameter limit: how long to wait; as long as it takes if nil.
    /// - Throws: `PortError`, and the line lives on: `timedOut` where the limit ends first, `cancelled` where the
    ///   waiting task is cancelled.
    @discardableResult
    public func waitUntilClosed(within limit: Duration? = nil) async throws(PortError) -> CloseReason {
        // Not for the port's end: a released port goes on, and of one that is over the last messages, one of which may
        // say why, have yet to be taken.
        let waiting = Task { [ended = line.ended] in await ended.wait() }
        let timer = limit.map { limit in line.port.eventLoop.schedule(after: limit) { waiting.cancel() } }
        defer { timer?.cancel() }
        let reason = await withTaskCancellationHandler {
            await waiting.value
        } onCancel: {
            waiting.cancel()
        }
        if let reason { return reason }
        if Task.isCancelled { throw PortError(.cancelled, "the task that waited for the line's end was cancelled") }
        throw PortError(.timedOut, "the line has not ended within \(limit ?? .zero); it lives on")
    }

    /// Waits until the line is over and every handler that it had started has returned. Those are cancelled at the end
    /// of the line; one that takes no notice keeps this waiting. Returns early where the waiting task is cancelled.
    ///
    /// A deferred answer (``DeferredAnswer``) counts no more once its handler has returned, nor do the handlers of a lane
    /// (``urgent``).
    public func waitUntilHandlersReturn() async {
        _ = await line.handled.wait()
    }

    /// Ends the line. Requests under way end on both sides, and handlers are cancelled.
    public func close() {
        line.close()
    }
}
