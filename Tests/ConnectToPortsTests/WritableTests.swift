import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectToPorts

@Suite("Waiting until a port is writable", .chosenExecutor, .timeLimit(.minutes(1)))
struct WritableTests {
    /// More than the kernel takes.
    private static let much = [UInt8](repeating: 9, count: 2 << 20)

    private static func limits() -> PortLimits {
        var limits = PortLimits()
        limits.queuedOutput = 1 << 20
        return limits
    }

    @Test("waitUntilWritable ends when the slow peer has read, and a message that is posted then is not refused")
    func slowPeer() async throws {
        let (port, peer) = try RawPeer.withPort(limits: Self.limits())
        try await port.waitUntilWritable()
        try port.postMessage(Self.much)
        let refused = #expect(throws: PortError.self) { try port.postMessage("too early") }
        #expect(refused?.code == .queueFull)
        let waiting = Task {
            try await port.waitUntilWritable()
            try port.postMessage("now")
        }
        let late = await #expect(throws: PortError.self) { try await port.waitUntilWritable(within: .milliseconds(10)) }
        #expect(late?.code == .timedOut)
        #expect(port.postedCount == 1)
        #expect(try await peer.receive(8 + Self.much.count).count == 8 + Self.much.count)
        try await waiting.value
        #expect(try await peer.receive(11) == Wire.text("now"))
        peer.die()
    }

    @Test(
        "waitUntilWritable throws where the port ends, where this side has finished, and where the task is cancelled"
    )
    func waitUntilWritableThrowsAtEnd() async throws {
        let (port, peer) = try RawPeer.withPort(limits: Self.limits())
        try port.postMessage(Self.much)
        let cancelled = Task { try await port.waitUntilWritable() }
        cancelled.cancel()
        var error = await #expect(throws: PortError.self) { try await cancelled.value }
        #expect(error?.code == .cancelled)
        let ended = Task { try await port.waitUntilWritable() }
        peer.die()
        error = await #expect(throws: PortError.self) { try await ended.value }
        #expect(error?.code == .closed)
        #expect(error?.reason?.code == .peerExited)
        let (finished, other) = try RawPeer.withPort()
        finished.finish()
        error = await #expect(throws: PortError.self) { try await finished.waitUntilWritable() }
        #expect(error?.code == .finished)
        other.die()
    }
}
