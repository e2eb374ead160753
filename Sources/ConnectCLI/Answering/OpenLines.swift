import ConnectTo

/// The open lines of `connect serve`.
actor OpenLines: OpenPeers {
    private var ports: [Int: MessagePort] = [:]
    private var peers = PeerCount()

    func add(_ event: ConnectEvent) -> Int {
        let number = peers.add()
        ports[number] = event.source
        return number
    }

    func remove(_ number: Int) {
        ports[number] = nil
        peers.remove()
    }

    func waitUntilFewer(than count: Int) async {
        while !peers.isFewer(than: count) { await withCheckedContinuation { peers.awaitChange($0) } }
    }

    func closeAll() async {
        for port in ports.values { port.close() }
        for port in ports.values { try? await port.flush() }
    }
}
