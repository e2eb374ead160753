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
    public convenience init(
        _ port: MessagePort, peer: Peer? = nil, handlers: Handlers = Handlers(),
        options: MessengerOptions = MessengerOptions()
    ) {
        self.init(port, peer: peer, peerID: nil, handlers: handlers, options: options)
        line.start()
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

    /// Ends the line. Requests under way end on both sides, and handlers are cancelled.
    public func close() {
        line.close()
    }
}
