public import ConnectToPorts

/// A caller has connected to the context.
public struct ConnectEvent: Sendable {
    /// The open port to the caller. What the caller has posted already waits in it.
    public let source: MessagePort
    /// The peer that calls.
    public let peer: Peer
    /// Free text that the caller sent along.
    public let metadata: [String: String]

    /// For tests of code that handles callers: pass a port of a ``MessageChannel``, whose other port plays the
    /// caller. The events of a context come from ``Context/connectEvents``.
    public init(source: MessagePort, peer: Peer, metadata: [String: String] = [:]) {
        self.source = source
        self.peer = peer
        self.metadata = metadata
    }
}
