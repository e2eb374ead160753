public import ConnectTo

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
/// **Handlers** start in the order in which requests and events have arrived, on Swift's pool of threads. Handlers of
/// requests run concurrently; an event's handler is awaited before what came behind the event starts. Nothing that a
/// handler does keeps answers from being read.
///
/// **A slow program** gets no more than ``MessengerLimits`` says. Requests to it wait here, until their time is over;
/// events are refused.
public final class Messenger: Sendable {
    let line: CallLine
    let handlers: Handlers

    /// Makes a messenger of a port. Both programs have to do so; a program that does not ends the line.
    ///
    /// - Parameter peer: who the other program is, for handlers to see.
    public convenience init(_ port: MessagePort, peer: Peer? = nil, limits: MessengerLimits = MessengerLimits()) {
        self.init(port, peer: peer, handlers: Handlers(), limits: limits)
        start()
    }

    init(_ port: MessagePort, peer: Peer?, handlers: Handlers, limits: MessengerLimits) {
        self.handlers = handlers
        line = CallLine(port, peer: peer, handlers: handlers, limits: limits)
    }

    deinit {
        line.close()
    }

    func start() {
        line.start()
    }

    /// Why the line is over; nil while it is not.
    public var closeReason: CloseReason? { line.closeReason }

    /// Ends the line. Requests under way end on both sides, and handlers are cancelled.
    public func close() {
        line.close()
    }
}
