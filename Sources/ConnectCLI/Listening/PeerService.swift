import ConnectTo

/// What a listener does with a peer.
protocol PeerService: Sendable {
    /// How many peers are served at once; further ones wait.
    var limit: Int { get }
    /// What to end with if nothing else went wrong.
    var status: ExitStatus { get }
    /// Whether there is input that no peer has taken. Reads no more from here on.
    func hasInputLeft() async -> Bool
    /// Talks to the peer until the port has ended.
    func serve(_ event: ConnectEvent, _ number: Int) async throws(Failure) -> CloseReason
    /// Ends what no port would end: the command is about to leave.
    func end()
}

extension PeerService {
    func end() {}
}
