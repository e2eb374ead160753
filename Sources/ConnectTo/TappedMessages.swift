public import ConnectToPorts

/// Copies of the messages on a context's lines, in the listener's order, from ``Bus/tap(_:origin:)`` on.
///
/// The sequence ends when the context does, however that ends, and after ``close()``. It throws ``PortError`` with
/// ``PortError/Code/closed`` where this side ended it because a copy is longer than ``BusLimits/ports`` of this bus
/// allow. One task takes the sequence.
///
/// The listener and its peers never wait for an observer that is slow. Of the copies that are not taken, 1 MiB waits
/// in the listener's process, besides what the line holds. Above that copies are left out, and the next one says how
/// many (``TappedMessage/missedCount``).
public struct TappedMessages: AsyncSequence, Sendable {
    public typealias Element = TappedMessage
    public typealias Failure = any Error

    let port: MessagePort

    /// Ends the tap: the sequence ends after the copies that have arrived already. Dropping the last reference to the
    /// sequence and its iterator does the same.
    public func close() {
        port.close()
    }

    /// For the one task that takes the copies.
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
                    // Other messages are of a newer protocol, and are to be skipped.
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

/// An iterator is for one task at a time.
@available(*, unavailable)
extension TappedMessages.AsyncIterator: Sendable {}
