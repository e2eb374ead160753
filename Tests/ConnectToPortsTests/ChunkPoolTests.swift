import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import FoundationEssentials
import Testing

@testable import ConnectToPorts

@Suite("Memory for messages", .serialized, .chosenExecutor, .timeLimit(.minutes(1)))
struct ChunkPoolTests {
    /// What stays for good: eight of each size.
    private static let lasting = 8 * ChunkPool.sizes.reduce(0, +)

    @Test("is used again, up to a bound, and goes back when it has not been used for a while")
    func keeping() async throws {
        while ChunkPool.kept > Self.lasting, !Task.isCancelled { await Task.yield() }
        do {
            var chunks = try (0..<400).map { _ in try Chunk(capacity: 64 << 10) }
            chunks += try (0..<4).map { _ in try Chunk(capacity: 1 << 20) }
            let first = Set(chunks.map(\.base))
            chunks = []
            chunks = try (0..<200).map { _ in try Chunk(capacity: 64 << 10) }
            #expect(chunks.allSatisfy { first.contains($0.base) })
        }
        #expect(ChunkPool.kept <= Self.lasting + (16 << 20) + (4 << 20))
        while ChunkPool.kept > Self.lasting, !Task.isCancelled { await Task.yield() }
    }

    @Test("is not kept for short messages: many ports at rest wake nobody up to give it back")
    func short() async throws {
        while ChunkPool.kept > Self.lasting, !Task.isCancelled { await Task.yield() }
        _ = try (0..<1_000).map { _ in try Chunk(capacity: 4 << 10) }
        #expect(ChunkPool.kept <= Self.lasting)
    }

    @Test("is not kept where only a foreign loop is turned: no thread is started to give it back")
    func foreignLoop() async {
        await #expect(processExitsWith: .success) {
            let loop = try EventLoop.makeDrivenByForeignLoop()
            let (near, far) = try MessageChannel.makePair(on: loop)
            let arrived = Latch<Int>()
            far.onMessage { arrived.set($0.count) }
            try near.postMessage([UInt8](repeating: 1, count: 1 << 20))
            while arrived.value == nil { loop.runReady() }
            #expect(arrived.value == 1 << 20)
            near.close()
            while far.closeReason == nil { loop.runReady() }
            loop.runReady()
            let files = FileManager.default
            let threads = try files.contentsOfDirectory(atPath: "/proc/self/task").map {
                try String(contentsOfFile: "/proc/self/task/\($0)/comm", encoding: .utf8)
            }
            #expect(!threads.contains("connectto\n"))
            #expect(ChunkPool.kept <= 8 * ChunkPool.sizes.reduce(0, +))
        }
    }
}
