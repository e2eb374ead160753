import ConnectToPorts

/// A caller that was admitted, with its line in the context's format. It waits for the program to take it.
struct Arrival: Sendable {
    enum Line: Sendable {
        case port(MessagePort)
        case stream(ByteStream)
    }

    let line: Line
    let peer: Peer
    let metadata: [String: String]

    /// Releases the line without writing to it or shutting it down: the caller may offer it to the next listener.
    func abandon() {
        switch line {
        case .port(let port): port.abandon()
        case .stream(let stream): stream.abandon()
        }
    }

    /// Nil on a context of streams.
    var connectEvent: ConnectEvent? {
        guard case .port(let port) = line else { return nil }
        return ConnectEvent(source: port, peer: peer, metadata: metadata)
    }

    /// Nil on a context of messages.
    var streamEvent: StreamEvent? {
        guard case .stream(let stream) = line else { return nil }
        return StreamEvent(stream: stream, peer: peer, metadata: metadata)
    }
}
