public import ConnectToPorts

/// Somebody has connected.
public struct ConnectEvent: Sendable {
    /// The port to the caller; open. What the caller has posted already waits in it.
    public let source: MessagePort
    /// Who calls.
    public let peer: Peer
    /// Free text that the caller sent along.
    public let metadata: [String: String]
}
