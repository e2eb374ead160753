/// A port that did not take a message posted to many ports, and why.
public struct PostRefusal: Sendable {
    /// The port, unchanged.
    public let port: MessagePort
    /// ``PortError/Code/queueFull`` where the peer reads slowly, ``PortError/Code/closed`` where the port is over,
    /// ``PortError/Code/finished`` or ``PortError/Code/messageTooLarge``.
    public let error: PortError
}

/// Posting to many ports: each port gets the message, whatever happens on the others.
///
/// ```swift
/// for refusal in try ports.postMessage("it is noon") {
///     print("skipped \(refusal.port): \(refusal.error)")
/// }
/// ```
extension Sequence<MessagePort> {
    /// Posts a message to each of the ports. Never waits, and does not stop at a port that is full or over.
    ///
    /// The message is encoded once, and is not copied for each port.
    ///
    /// - Returns: the ports that did not take the message, and why, in the order of the sequence. Empty where all of
    ///   them took it.
    /// - Throws: ``PortError`` with ``PortError/Code/notTransferable`` for a message that transfers something, which
    ///   only one port could take. Then nothing was posted or given away.
    public func postMessage(_ message: OutgoingMessage) throws(PortError) -> [PostRefusal] {
        var batch = MessageBatch()
        try batch.append(message)
        return postMessages(batch)
    }

    /// Posts a message to each of the ports, in place of the one that still waits there under the same key: see
    /// ``MessagePort/postMessage(_:replacing:)``. Never waits, and does not stop at a port that is full or over.
    ///
    /// - Returns: the ports that did not take the message, and why, in the order of the sequence. Empty where all of
    ///   them took it.
    /// - Throws: ``PortError`` with ``PortError/Code/notTransferable`` for a message that transfers something. Then
    ///   nothing was posted or given away.
    public func postMessage(_ message: OutgoingMessage, replacing key: String) throws(PortError) -> [PostRefusal] {
        if !message.transfer.isEmpty { throw .notForMany(message.transfer.count) }
        return refusals { port throws(PortError) in try port.postMessage(message, replacing: key) }
    }

    /// Posts a batch of messages, all of it or nothing, to each of the ports. Never waits, and does not stop at a port
    /// that is full or over.
    ///
    /// - Returns: the ports that did not take the batch, and why, in the order of the sequence. Empty where all of them
    ///   took it.
    public func postMessages(_ batch: MessageBatch) -> [PostRefusal] {
        refusals { port throws(PortError) in try port.postMessages(batch) }
    }

    /// Posts to each of the ports.
    /// - Parameter post: returns `false` where the port is over.
    private func refusals(_ post: (MessagePort) throws(PortError) -> Bool) -> [PostRefusal] {
        compactMap { port in
            do throws(PortError) {
                if try post(port) { return nil }
                return PostRefusal(port: port, error: .closed(port.closeReason ?? .closedHere))
            } catch {
                return PostRefusal(port: port, error: error)
            }
        }
    }
}
