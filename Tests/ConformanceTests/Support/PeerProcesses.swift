/// Runs several peers that know each other by number, from 1, once all of them listen.
func withPeers(
    _ role: String, _ name: String, _ count: Int, _ number: Int, body: ([PeerProcess]) async throws -> Void
) async throws {
    func start(_ running: [PeerProcess]) async throws {
        if running.count == count { return try await body(running) }
        try await withPeer(role, name, running.count + 1, count, number) { peer in
            guard await peer.line() == "listening" else { throw PeerIsMute() }
            try await start(running + [peer])
        }
    }
    try await start([])
}

private struct PeerIsMute: Error {}
