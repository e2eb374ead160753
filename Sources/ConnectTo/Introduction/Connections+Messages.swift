public import ConnectToPorts

extension Connections {
    /// The messages of one connection. They are as ``ConnectTo/Messages``, which ``MessagePort/messages`` gives,
    /// except that they end where the connection is interrupted.
    ///
    /// So in a loop over ``Connections``, an inner loop over the messages ends without an error when the listener's
    /// process dies, and ``Interruption`` reports that with the next connection. Every other end is as on the port:
    /// the sequence ends where the port was closed in order or given away, and throws the reason where it ended
    /// otherwise.
    public struct Messages: AsyncSequence, Sendable {
        public typealias Element = Message
        public typealias Failure = any Error

        let base: ConnectToPorts.Messages

        /// For the one task that takes the messages. Making the iterator starts the port.
        public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(base: base.makeAsyncIterator()) }

        /// Takes messages, one after the other.
        public struct AsyncIterator: AsyncIteratorProtocol {
            var base: ConnectToPorts.Messages.AsyncIterator

            /// The next message, when there is one; nil at the end, and where the listener's process died.
            public mutating func next() async throws -> Message? {
                try await next(isolation: nil)
            }

            /// The same, without leaving the actor.
            public mutating func next(isolation actor: isolated (any Actor)?) async throws -> Message? {
                do {
                    return try await base.next(isolation: actor)
                } catch {
                    if error.isInterruption { return nil }
                    throw error
                }
            }
        }
    }
}

extension Error {
    /// Whether the error says that the peer's process died.
    fileprivate var isInterruption: Bool { (self as? PortError)?.reason?.code == .peerExited }
}
