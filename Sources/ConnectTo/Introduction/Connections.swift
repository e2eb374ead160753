import ConnectToLinux
public import ConnectToPorts

extension Bus {
    /// Connections to a context, one after the other: when the listener dies, the next goes to whoever owns the name
    /// then, a standby or the program started again.
    ///
    /// A complete program, which follows the listener "clock" over its deaths and restarts:
    ///
    /// ```swift
    /// import ConnectTo
    ///
    /// let bus = try await Bus.session()
    /// for try await connection in bus.connections(to: "clock") {
    ///     if let interruption = connection.interruption {
    ///         print("the clock died; \(interruption.possiblyLostCount) messages to it may be lost")
    ///     }
    ///     try connection.port.postMessage("subscribe")
    ///     // Ends when the listener dies, and the outer loop goes on with the next connection.
    ///     for try await message in connection.messages { print(message.text ?? "") }
    /// }
    /// print("the clock has closed")
    /// ```
    ///
    /// An interruption is the death of the listener's process. The sequence ends when a port was closed in order, by
    /// either side, or given away. It throws where there is none to be had any more: see ``Connections``.
    /// Nothing is sent twice: what was posted on a line that broke is the program's to send again, or not.
    ///
    /// The parameters are those of ``connectTo(_:origin:options:)``; the wait counts anew for each port, and each
    /// owner of the name is looked at.
    public func connections(
        to name: String, origin: String = ContextName.defaultOrigin, options: ConnectOptions = ConnectOptions()
    ) -> Connections {
        Connections(bus: self) { [self] in connectTo(name, origin: origin, options: options) }
    }
}

/// Connections to one context, each when the one before has been interrupted. One task takes them.
///
/// Taking the next waits for the end of the port before: close it, unless the listener does. A listener that dies again
/// and again is called after ten milliseconds, then twice as long each time up to a second, until one has lasted a
/// second.
///
/// It throws a ``PortError`` with ``PortError/Code/closed`` and the reason where a port never opened (nobody has the
/// name in time, or could be started for it, refused, the bus is lost) or the listener broke the protocol; and with
/// ``PortError/Code/cancelled`` where the task is cancelled.
public struct Connections: AsyncSequence, Sendable {
    public typealias Element = Connection
    public typealias Failure = PortError

    /// One connection, open.
    public struct Connection: Sendable {
        /// This side's end.
        public let port: MessagePort
        /// What was before it; nil for the first.
        public let interruption: Interruption?
        /// What arrives on ``port``, ending in place of throwing where the listener's process died: the next connection
        /// is then the outer loop's to take.
        public var messages: Messages { Messages(base: port.messages) }
    }

    /// How the connection before ended.
    public struct Interruption: Sendable, Hashable {
        /// Why its port is over.
        public let reason: CloseReason
        /// How many messages had been posted on it. Each may have been taken or not, the last ones more likely not:
        /// which, only the listener's answers can tell.
        public let possiblyLostCount: Int
    }

    let bus: Bus
    let connect: @Sendable () -> MessagePort

    /// For the one task that takes them.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(bus: bus, connect: connect)
    }

    /// Takes connections, one after the other.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private static let lasting = Duration.seconds(1)

        let bus: Bus
        let connect: @Sendable () -> MessagePort
        var current: MessagePort?
        var began = SuspendingClock.now
        var backoff = Self.freshBackoff

        static var freshBackoff: Backoff { Backoff(from: .milliseconds(10), to: .seconds(1)) }

        init(bus: Bus, connect: @escaping @Sendable () -> MessagePort) {
            self.bus = bus
            self.connect = connect
        }

        /// The next connection, open, once the one before has been interrupted; nil where that ended in order.
        public mutating func next() async throws(PortError) -> Connection? {
            try await next(isolation: nil)
        }

        /// The same, without leaving the actor.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(PortError) -> Connection? {
            var interruption: Interruption?
            if let port = current {
                let reason = try await port.waitUntilClosed()
                switch reason.code {
                case .closed, .transferred: return nil
                case .peerExited: break
                default: throw PortError(.closed, "the line is over: \(reason.detail)", reason: reason)
                }
                interruption = Interruption(reason: reason, possiblyLostCount: port.postedCount)
                current = nil
                if began.duration(to: .now) >= Self.lasting { backoff = Self.freshBackoff }
                await bus.loop.reactor.sleep(for: backoff.next())
            }
            let port = try await opened()
            current = port
            began = .now
            return Connection(port: port, interruption: interruption)
        }

        /// A port that opened. Nothing has been posted on those that did not, for nobody had them.
        private nonisolated(nonsending) mutating func opened() async throws(PortError) -> MessagePort {
            while true {
                let port = connect()
                do throws(PortError) {
                    try await port.waitUntilOpen()
                    return port
                } catch {
                    let code = error.reason?.code
                    guard code == .peerExited || code == .busLost, !bus.isLost, !Task.isCancelled else {
                        port.close()
                        throw error
                    }
                    await bus.loop.reactor.sleep(for: backoff.next())
                }
            }
        }
    }
}
