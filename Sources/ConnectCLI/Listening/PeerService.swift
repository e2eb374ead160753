import ConnectTo

/// A peer that has come, with its port or its stream.
protocol PeerEvent: Sendable {
    var peer: Peer { get }
}

extension ConnectEvent: PeerEvent {}
extension StreamEvent: PeerEvent {}

/// What a listener does with a peer.
protocol PeerService<Served>: Sendable {
    associatedtype Served: PeerEvent

    /// How many peers are served at once; further ones wait.
    var limit: Int { get }
    /// What to end with if nothing else went wrong.
    var status: ExitStatus { get }
    /// Talks to the peer until its line has ended.
    func serve(_ event: Served, _ number: Int) async throws(Failure) -> CloseReason
    /// Why the only peer, whose line has ended, has not got all that there was for it; nil if it has, or had no use for the
    /// rest. Reads no more input from here on.
    func untaken(by event: Served) async -> Failure?
    /// Ends what no port would end: the command is about to leave.
    func end()
}

extension PeerService {
    func end() {}
}

/// The peers that a listener has open, by number.
protocol OpenPeers<Served>: Actor {
    associatedtype Served: PeerEvent

    /// Numbers are given in the order of the calls, from 1, and never twice.
    func add(_ event: Served) -> Int
    /// It is over, and all about it has been told.
    func remove(_ number: Int)
    /// Waits until fewer are there.
    func waitUntilFewer(than count: Int) async
    /// Ends all of them in order.
    func closeAll() async
}
