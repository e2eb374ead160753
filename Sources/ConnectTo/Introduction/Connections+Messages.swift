public import ConnectToPorts

extension Connections {
    /// The messages of one connection: as ``ConnectTo/Messages``, which ``MessagePort/messages`` gives, but that they
    /// end where the connection is interrupted.
    ///
    /// So a loop over them inside of a loop over ``Connections`` leaves the inner loop alone when the listener's process
    /// dies. ``Interruption`` tells of that with the next connection. Every other end is as on the port: the sequence ends
    /// where the port was closed in order or given away, and throws the reason where it ended otherwise.
    public struct Messages: AsyncSequence, Sendable {
        public typealias Element = Message
        public typealias Failure = any Error

        let base: ConnectToPorts.Messages

        /// For the one task that takes them. Making the iterator starts the port.
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
    /// Whether it is the death of the peer's process.
    fileprivate var isInterruption: Bool { (self as? PortError)?.reason?.code == .peerExited }
}
