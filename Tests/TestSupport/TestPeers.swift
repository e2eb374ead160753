import ConnectToTesting
import Subprocess

/// The program that plays a part: `Tests/TestPeer`, as it was built.
package let testPeer = products + "/ConnectToTestPeer"

/// Runs a peer (``testPeer``) on the test's own bus.
///
/// - Parameter uid: as which user and group, for tests that run as root; it belongs to no other group.
package func withPeer<Result: Sendable>(
    _ role: String, _ name: String, _ numbers: Int..., on address: String? = nil, as uid: UInt32? = nil,
    body: (TalkingProcess) async throws -> Result
) async throws -> Result {
    try await withProcess(
        testPeer,
        [try address ?? PrivateBus.current.address, role, name] + numbers.map(String.init),
        environment: environment(as: uid), body: body)
}

private func environment(as uid: UInt32?) -> Environment {
    .inherit.updating(uid.map { ["CONNECTTO_TEST_UID": String($0)] } ?? [:])
}

/// The same, started by a shell that has set its limits first: `ulimit -n 64`.
package func withPeer<Result: Sendable>(
    after setUp: String, _ role: String, _ name: String, _ numbers: Int..., on address: String? = nil,
    as uid: UInt32? = nil, body: (TalkingProcess) async throws -> Result
) async throws -> Result {
    let address = try address ?? PrivateBus.current.address
    return try await withProcess(
        "/bin/sh",
        ["-c", setUp + "; exec \"$@\"", "sh", testPeer, address, role, name]
            + numbers.map(String.init), environment: environment(as: uid), body: body)
}

/// Runs several that know each other by number, from 1, once all of them listen.
package func withPeers(
    _ role: String, _ name: String, _ count: Int, _ number: Int,
    body: ([TalkingProcess]) async throws -> Void
) async throws {
    func start(_ running: [TalkingProcess]) async throws {
        if running.count == count { return try await body(running) }
        try await withPeer(role, name, running.count + 1, count, number) { peer in
            guard await peer.line() == "listening" else { throw PeerIsMute() }
            try await start(running + [peer])
        }
    }
    try await start([])
}

private struct PeerIsMute: Error {}
