import ConnectTo
import ConnectToMessaging
import ConnectToTestSupport
import Synchronization
import Testing

/// A messenger against a peer that takes what it can get and gives nothing: it must hold no more than its limits.
@Suite("Messengers and peers that are greedy", .timeLimit(.minutes(1)))
struct GreedyPeerTests {
    private static let chunk = [UInt8](repeating: 7, count: 65_536)
    /// What the port's own queue, the sockets' buffers and the places may hold, in chunks.
    private static let most = (16 << 20) / 65_536 + 32

    @Test("A peer that asks on and reads no answer has its line ended when it has no place left")
    func unreadAnswers() async throws {
        let served = Mutex(0)
        let line = try LineToLiar { handlers in
            handlers.onRequest("chunk") { _, _ in
                served.withLock { $0 += 1 }
                return .bytes(Self.chunk)
            }
        }
        try line.post(.hello())
        for id in 1...(4 * UInt64(Self.most)) {
            guard (try? await line.liar.send(RawEnvelope.request(id, "chunk").message)) != nil else { break }
        }
        line.liar.start()
        #expect(try await line.liar.waitUntilClosed().code == .peerExited)
        #expect(line.messenger.closeReason?.code == .protocolError)
        #expect(served.withLock(\.self) <= Self.most)
        try await line.expectUnharmed()
    }

    @Test("A stream waits for a peer that grants endlessly and reads nothing")
    func unreadElements() async throws {
        let yielded = Mutex(0)
        let line = try LineToLiar { handlers in
            handlers.onStream("chunks") { _, answers, _ in
                for _ in 0..<(4 * Self.most) {
                    try await answers.yield(.bytes(Self.chunk))
                    yielded.withLock { $0 += 1 }
                }
            }
        }
        try line.post(.hello())
        try line.post(.request(1, "chunks", wantsMany: true))
        try line.post(.grant(3, 1 << 30, of: 1))
        // The stream stands still when nothing comes of it while others talk.
        var (before, now) = (-1, 0)
        while before != now || now == 0 {
            before = now
            for _ in 0..<20 { try await line.expectUnharmed() }
            now = yielded.withLock(\.self)
        }
        #expect(now <= Self.most)
        // It goes on when the peer reads.
        for _ in 0..<(4 * Self.most) { try await line.next(3, id: 1) }
        try await line.next(4, id: 1)
    }

    @Test(
        "Events for a peer that never grants are refused beyond what may wait, and requests wait until their time is over"
    )
    func neverGrants() async throws {
        let line = try LineToLiar(queuedEvents: 1 << 20)
        try line.post(.hello(places: 1, window: 65_536))
        var posted = 0
        let error = await expectError(.queueFull) {
            while true {
                try line.messenger.post("news", .bytes(Self.chunk))
                posted += 1
            }
        }
        #expect(error != nil)
        #expect(posted <= 1 + (1 << 20) / Self.chunk.count + 1)
        let failure = await expectError(.timedOut) {
            try await line.messenger.request("question", within: .milliseconds(50))
        }
        #expect(failure?.stage == .waiting)
        #expect(line.messenger.closeReason == nil)
    }

    @Test("An answer that comes after its request was given up is dropped, and what came with it is closed")
    func lateAnswer() async throws {
        let line = try LineToLiar()
        try line.post(.hello())
        await expectError(.timedOut) { try await line.messenger.request("question", within: .milliseconds(50)) }
        try await line.next(6, id: 1)
        let cargo = try MessageChannel()
        try line.post(.result(1).bringing(.port(cargo.port1)))
        cargo.port2.start()
        _ = try await cargo.port2.waitUntilClosed()
        #expect(line.messenger.closeReason == nil)
    }
}
