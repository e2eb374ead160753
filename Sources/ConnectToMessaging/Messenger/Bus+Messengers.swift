public import ConnectTo

extension Bus {
    /// Messengers to one context, one after the other: when the line of one has ended, the next goes to the next owner
    /// of the name, a standby or the program started again.
    ///
    /// ```swift
    /// let handlers = Handlers()
    /// handlers.on(Dashboard.themeChange) { theme, _ in apply(theme) }
    /// for try await dashboard in bus.messengers(to: "dashboard", handlers: handlers, following: .everyEnd) {
    ///     try await dashboard.send(Dashboard.hello, Hello())
    /// }
    /// ```
    ///
    /// The handlers stay. Requests under way on a line that ends fail with ``CallError/Code/lineEnded``, and **nothing
    /// is sent twice**: only the program knows whether it may be done twice. ``CallError/stage`` says whether a request
    /// was sent, so that the other program may have begun with it.
    ///
    /// When to connect again, and how long to wait for it, is as for `connections(to:origin:options:following:)`.
    ///
    /// - Parameters:
    ///   - name: the context's name.
    ///   - origin: the application id that the name lives under.
    ///   - options: how to connect. The format is always ``ConnectTo/LineFormat/calls``.
    ///   - handlers: what answers the other program's requests and hears its events, on each line.
    ///   - messengerOptions: how each line is treated.
    ///   - following: after which ends the next connection is made.
    public func messengers(
        to name: String, origin: String = ContextName.defaultOrigin, options: ConnectOptions = ConnectOptions(),
        handlers: Handlers = Handlers(), messengerOptions: MessengerOptions = MessengerOptions(),
        following: Connections.Following = .crashes
    ) -> Messengers {
        var options = options
        options.format = .calls
        return Messengers(
            connections: connections(to: name, origin: origin, options: options, following: following),
            handlers: handlers, options: messengerOptions)
    }
}

/// Messengers to one context, each on a line that was made when the one before had ended: see
/// ``ConnectTo/Bus/messengers(to:origin:options:handlers:messengerOptions:following:)``. One task takes them.
///
/// Taking the next waits for the end of the line before, also where the program has dropped its messenger, which closes
/// the line and ends the sequence. It throws a `PortError` with the code `closed` and the reason where no line can be
/// made any more, where the other program broke the protocol, and where it refused the line
/// (`CloseReason.Code.refused`); and with `cancelled` where the task is cancelled.
public struct Messengers: AsyncSequence, Sendable {
    public typealias Element = Messenger
    public typealias Failure = PortError

    let connections: Connections
    let handlers: Handlers
    let options: MessengerOptions

    /// For the one task that takes them.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(connections: connections.makeAsyncIterator(), handlers: handlers, options: options)
    }

    /// Takes messengers, one after the other.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private var connections: Connections.AsyncIterator
        private let handlers: Handlers
        private let options: MessengerOptions
        /// The line of the one before.
        private var line: CallLine?

        init(connections: Connections.AsyncIterator, handlers: Handlers, options: MessengerOptions) {
            self.connections = connections
            self.handlers = handlers
            self.options = options
        }

        /// The next messenger, once the line of the one before has ended; nil where that end is not followed.
        public mutating func next() async throws(PortError) -> Messenger? { try await next(isolation: nil) }

        /// The same, without leaving the actor.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(PortError) -> Messenger? {
            let connection = try await connections.next(isolation: actor)
            // A line that broke the rules of calls was closed by this side, which the port alone takes for an end in
            // order.
            if let reason = line?.closeReason, reason.code == .protocolError || reason.code == .refused {
                connection?.port.close()
                throw PortError(
                    .closed, "the connection is over, and is not made again: \(reason.detail)", reason: reason)
            }
            guard let connection else { return nil }
            let messenger = Messenger(connection.port, handlers: handlers, options: options)
            line = messenger.line
            return messenger
        }
    }
}
