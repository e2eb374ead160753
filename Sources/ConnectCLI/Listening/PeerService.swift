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

/// The number of open peers, and the number that the next peer gets. Owned by an actor.
struct PeerCount {
    private var count = 0
    private var lastNumber = 0
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// Counts a new peer, and returns its number, from 1 on.
    mutating func add() -> Int {
        count += 1
        lastNumber += 1
        return lastNumber
    }

    mutating func remove() {
        count -= 1
        let waiting = waiting
        self.waiting = []
        for waiter in waiting { waiter.resume() }
    }

    func isFewer(than limit: Int) -> Bool { count < limit }

    /// Resumes the waiter when a peer has gone.
    mutating func awaitChange(_ waiter: CheckedContinuation<Void, Never>) {
        waiting.append(waiter)
    }
}

extension ConnectEvent {
    /// The failure to report if the peer, which has ended, has not received everything that was meant for it; nil if it
    /// has. The port knows how many messages the peer has not taken, and whether the peer was done.
    /// - Parameter hasRest: whether there is input that was not sent.
    func untakenFailure(hasRest: () async -> Bool = { false }) async -> Failure? {
        // A peer that was done wanted nothing more, so what it has not taken is no loss.
        if source.peerWasDone { return nil }
        let hasRest = await hasRest()
        let undelivered = source.undeliveredCount
        if undelivered == 0, !hasRest { return nil }
        return Failure.untaken(by: peer.label, undelivered: undelivered, hasRest: hasRest)
    }
}
