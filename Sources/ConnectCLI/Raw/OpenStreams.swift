import ConnectTo

/// The open streams of `listen --raw`. Their ``PeerService`` ends them, so ``closeAll()`` does nothing.
actor OpenStreams: OpenPeers {
    private var peers = PeerCount()

    func add(_ event: StreamEvent) -> Int { peers.add() }

    func remove(_ number: Int) { peers.remove() }

    func waitUntilFewer(than count: Int) async {
        while !peers.isFewer(than: count) { await withCheckedContinuation { peers.awaitChange($0) } }
    }

    func closeAll() {}
}
