/// A caller has opened a stream to a context that is registered for streams.
public struct StreamEvent: Sendable {
    /// The open stream to the caller. It counts against the caller's limits (``CallerLimits``) until it is closed or
    /// its socket is taken.
    public let stream: ByteStream
    /// The peer that calls.
    public let peer: Peer
    /// Free text that the caller sent along.
    public let metadata: [String: String]

    /// An event made by hand: for tests of code that serves streams.
    public init(stream: ByteStream, peer: Peer, metadata: [String: String] = [:]) {
        self.stream = stream
        self.peer = peer
        self.metadata = metadata
    }
}
