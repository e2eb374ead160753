/// A port that did not take what was posted to many, and why.
public struct PostRefusal: Sendable {
    /// The port, as it was.
    public let port: MessagePort
    /// ``PortError/Code/queueFull`` where the peer reads slowly, ``PortError/Code/closed`` where the port is over,
    /// ``PortError/Code/finished`` or ``PortError/Code/messageTooLarge``.
    public let error: PortError
}

/// Posting to many ports: each of them gets the message, whatever becomes of the others.
///
/// ```swift
/// for refusal in try ports.postMessage("it is noon") {
///     print("skipped \(refusal.port): \(refusal.error)")
/// }
/// ```
extension Sequence<MessagePort> {
    /// Posts a message to each of the ports. Never waits, and does not stop at a port that is full or over.
    ///
    /// It is put into the form in which it goes over a line once, and is not copied for each port.
    ///
    /// - Returns: the ports that did not take it, and why, in their order. Empty where all of them did.
    /// - Throws: ``PortError`` with ``PortError/Code/notTransferable`` for a message that transfers something, which only
    ///   one port could take. Then nothing was posted, and nothing given away.
    public func postMessage(_ message: OutgoingMessage) throws(PortError) -> [PostRefusal] {
        var batch = MessageBatch()
        try batch.append(message)
        return postMessages(batch)
    }

    /// Posts a batch of messages, all of it or nothing, to each of the ports. Never waits, and does not stop at a port
    /// that is full or over.
    ///
    /// - Returns: the ports that did not take it, and why, in their order. Empty where all of them did.
    public func postMessages(_ batch: MessageBatch) -> [PostRefusal] {
        compactMap { port in
            do throws(PortError) {
                if try port.postMessages(batch) { return nil }
                return PostRefusal(port: port, error: .closed(port.closeReason ?? .closedHere))
            } catch {
                return PostRefusal(port: port, error: error)
            }
        }
    }
}
