import ConnectTo

/// A peer that has connected, with its port or its stream.
protocol PeerEvent: Sendable {
    var peer: Peer { get }
}

extension ConnectEvent: PeerEvent {}
extension StreamEvent: PeerEvent {}

/// What a listener does with a peer.
protocol PeerService<Served>: Sendable {
    associatedtype Served: PeerEvent

    /// How many peers are served at the same time; further peers wait.
    var limit: Int { get }
    /// The exit status if nothing else went wrong.
    var status: ExitStatus { get }
    /// Talks to the peer until its line has ended.
    func serve(_ event: Served, _ number: Int) async throws(Failure) -> CloseReason
    /// With `--once`: the failure to report if the peer, whose line has ended, has not received everything. Nil if it
    /// has, or if it did not want the rest. No more input is read from here on.
    func untakenFailure(of event: Served) async -> Failure?
    /// Ends work that closing the ports does not end, because the program is about to exit.
    func end()
}

extension PeerService {
    func end() {}
}

/// The open peers of a listener, by number.
protocol OpenPeers<Served>: Actor {
    associatedtype Served: PeerEvent

    /// Peers are numbered from 1, in the order of the calls. No number is used twice.
    func add(_ event: Served) -> Int
    /// The peer has ended, and everything about it has been reported.
    func remove(_ number: Int)
    /// Waits until fewer than this many peers are open.
    func waitUntilFewer(than count: Int) async
    /// Ends all peers in order.
    func closeAll() async
}
