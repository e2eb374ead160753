public import ConnectToPorts

/// Copies of the messages on a context's lines, in the listener's order, from ``Bus/tap(_:origin:)`` on.
///
/// The sequence ends when the context does, however it ends, and with ``close()``. It throws ``PortError`` with
/// ``PortError/Code/closed`` where this side ended it: for a copy that is longer than ``BusLimits/ports`` of this bus
/// allow. One task takes it.
///
/// The listener and its peers never wait for who takes slowly here. Of what is not taken, 1 MiB waits with the listener
/// besides what the line holds; over it copies are left out, and the next one says how many
/// (``TappedMessage/missedCount``).
public struct TappedMessages: AsyncSequence, Sendable {
    public typealias Element = TappedMessage
    public typealias Failure = any Error

    let port: MessagePort

    /// Ends the looking on: the sequence ends after what is here already. So does dropping the last reference to it and
    /// its iterator.
    public func close() {
        port.close()
    }

    /// For the one task that takes them.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(base: port.messages.makeAsyncIterator())
    }

    /// Takes copies, one after the other.
    public struct AsyncIterator: AsyncIteratorProtocol {
        var base: Messages.AsyncIterator

        /// The next copy, when there is one; nil at the end.
        public mutating func next() async throws -> TappedMessage? {
            try await next(isolation: nil)
        }

        /// The same, without leaving the actor.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> TappedMessage? {
            do {
                while let message = try await base.next(isolation: actor) {
                    // Others are of a newer protocol, and are to be passed over.
                    if let tapped = TappedMessage(message.bytes) { return tapped }
                }
                return nil
            } catch {
                let reason = ((error as any Error) as? PortError)?.reason
                if reason?.code == .peerExited { return nil }
                throw error
            }
        }
    }
}

/// What it takes is for one task at a time.
@available(*, unavailable)
extension TappedMessages.AsyncIterator: Sendable {}
