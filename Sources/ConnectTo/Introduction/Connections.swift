import ConnectToLinux
public import ConnectToPorts

extension Bus {
    /// Connections to a context, one after the other: when the listener is gone, the next connection goes to the next
    /// owner of the name, a standby or the program started again.
    ///
    /// A complete program, which follows the listener "clock" over its deaths and restarts:
    ///
    /// ```swift
    /// import ConnectTo
    ///
    /// let bus = try await Bus.session()
    /// for try await connection in bus.connections(to: "clock", following: .everyEnd) {
    ///     if let interruption = connection.interruption {
    ///         print("the clock went; \(interruption.possiblyLostCount) messages to it may be lost")
    ///     }
    ///     try connection.port.postMessage("subscribe")
    ///     // Ends when the listener goes, and the outer loop goes on with the next connection.
    ///     for try await message in connection.messages { print(message.text ?? "") }
    /// }
    /// ```
    ///
    /// With ``Connections/Following/crashes``, the default, the next connection follows the death of a listener's
    /// process; where a port was closed in order, the conversation is over and the sequence ends. With
    /// ``Connections/Following/everyEnd`` the next connection also follows a listener that closed the port in order,
    /// as a service does that is stopped, restarted or upgraded. Under both, the sequence ends when this program has
    /// closed the port or given it away, and when both sides have finished. It throws where no connection can be made
    /// any more: see ``Connections``. Nothing is sent twice: the program decides whether to send again what it posted
    /// on a line that broke.
    ///
    /// The wait begins anew for each port: a listener that is away for longer ends the sequence with an error. Each
    /// owner of the name is checked against ``ConnectOptions/expected``.
    /// - Parameters:
    ///   - name: the context's name.
    ///   - origin: the application id that the name lives under.
    ///   - options: how to connect, as for ``connectTo(_:origin:options:)``.
    ///   - following: after which ends the next connection is made.
    public func connections(
        to name: String, origin: String = ContextName.defaultOrigin, options: ConnectOptions = ConnectOptions(),
        following: Connections.Following = .crashes
    ) -> Connections {
        Connections(bus: self, following: following) { [self] in connectTo(name, origin: origin, options: options) }
    }
}

/// Connections to one context, each made when the one before has been interrupted. One task takes them.
///
/// Taking the next connection waits for the end of the port before, which the listener's end brings. A
/// listener that goes again and again is called after ten milliseconds, then after twice as long each time up to a
/// second, until a connection has lasted a second.
///
/// The sequence throws a ``PortError`` with ``PortError/Code/closed`` and the reason where a port never opened (the
/// name had no owner in time, no program could be started for it, the listener refused, the bus is lost), or where
/// the listener broke the protocol; and with ``PortError/Code/cancelled`` where the task is cancelled.
public struct Connections: AsyncSequence, Sendable {
    public typealias Element = Connection
    public typealias Failure = PortError

    /// One connection, open.
    public struct Connection: Sendable {
        /// This program's port.
        public let port: MessagePort
        /// How the connection before ended; nil for the first.
        public let interruption: Interruption?
        /// The messages that arrive on ``port``. Where the listener's process died they end and do not throw: the
        /// outer loop then takes the next connection.
        public var messages: Messages { Messages(base: port.messages) }
    }

    /// After which ends of a connection the next one is made; compare with the constants. New ones may come.
    public struct Following: Sendable, Hashable {
        let includesOrderlyEnds: Bool

        /// After the listener's process has died, or has dropped the port without closing it
        /// (``CloseReason/Code/peerExited``).
        public static let crashes = Following(includesOrderlyEnds: false)
        /// Also after the listener has closed the port in order. A listener that closes each port when it has answered
        /// is called again and again, so leave the loop with the answer.
        public static let everyEnd = Following(includesOrderlyEnds: true)
    }

    /// How the connection before this one ended.
    public struct Interruption: Sendable, Hashable {
        /// Why its port ended.
        public let reason: CloseReason
        /// How many messages may be lost. After a crash, how many had been posted: each may have been taken or not,
        /// the last ones less likely, and only the listener's answers can tell. After an end in order, how many of them
        /// the listener had not taken, as it said (``MessagePort/undeliveredCount``).
        public let possiblyLostCount: Int
    }

    let bus: Bus
    let following: Following
    let connect: @Sendable () -> MessagePort

    /// For the one task that takes the connections.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(bus: bus, following: following, connect: connect)
    }

    /// Takes connections, one after the other.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private static let lasting = Duration.seconds(1)

        let bus: Bus
        let following: Following
        let connect: @Sendable () -> MessagePort
        var current: MessagePort?
        var began = SuspendingClock.now
        var backoff = Self.freshBackoff

        static var freshBackoff: Backoff { Backoff(from: .milliseconds(10), to: .seconds(1)) }

        init(bus: Bus, following: Following, connect: @escaping @Sendable () -> MessagePort) {
            self.bus = bus
            self.following = following
            self.connect = connect
        }

        /// The next connection, open, once the one before has ended; nil where that end is not followed.
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
                case .closed where following.includesOrderlyEnds && reason == .closedByPeer:
                    interruption = Interruption(reason: reason, possiblyLostCount: port.undeliveredCount)
                case .closed, .transferred: return nil
                case .peerExited:
                    interruption = Interruption(reason: reason, possiblyLostCount: port.postedCount)
                default:
                    throw PortError(
                        .closed,
                        "the connection is over, and is not made again: \(reason.detail)",
                        reason: reason)
                }
                current = nil
                if began.duration(to: .now) >= Self.lasting { backoff = Self.freshBackoff }
                await bus.loop.reactor.sleep(for: backoff.next())
            }
            let port = try await opened()
            current = port
            began = .now
            return Connection(port: port, interruption: interruption)
        }

        /// A port that opened. On ports that did not open nothing was posted, since no program had them.
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
