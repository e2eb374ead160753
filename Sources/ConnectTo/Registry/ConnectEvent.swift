public import ConnectToPorts

/// Somebody has connected.
public struct ConnectEvent: Sendable {
    /// The port to the caller; open. What the caller has posted already waits in it.
    public let source: MessagePort
    /// Who calls.
    public let peer: Peer
    /// Free text that the caller sent along.
    public let metadata: [String: String]

    /// For tests of what handles callers: with a port of a ``MessageChannel``, whose other one plays the caller. The
    /// events of a context come from ``Context/connectEvents``.
    public init(source: MessagePort, peer: Peer, metadata: [String: String] = [:]) {
        self.source = source
        self.peer = peer
        self.metadata = metadata
    }
}
