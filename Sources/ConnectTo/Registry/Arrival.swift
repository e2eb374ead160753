import ConnectToPorts

/// A caller that was admitted, with its line in the context's format. It waits for the program to take it.
struct Arrival: Sendable {
    /// The line, as what the program gets of it.
    enum Content: Sendable {
        case port(MessagePort)
        case stream(ByteStream)
    }

    let content: Content
    let peer: Peer
    let metadata: [String: String]

    /// Releases the line without writing to it or shutting it down: the caller may offer it to the next listener.
    func abandon() {
        switch content {
        case .port(let port): port.abandon()
        case .stream(let stream): stream.abandon()
        }
    }

    /// Nil on a context of streams.
    var connectEvent: ConnectEvent? {
        guard case .port(let port) = content else { return nil }
        return ConnectEvent(source: port, peer: peer, metadata: metadata)
    }

    /// Nil on a context of messages.
    var streamEvent: StreamEvent? {
        guard case .stream(let stream) = content else { return nil }
        return StreamEvent(stream: stream, peer: peer, metadata: metadata)
    }
}
