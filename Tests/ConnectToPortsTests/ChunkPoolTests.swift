import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import FoundationEssentials
import Testing

@testable import ConnectToPorts

@Suite("The memory of messages", .serialized, .chosenExecutor, .timeLimit(.minutes(1)))
struct ChunkPoolTests {
    /// What stays for good: eight of each size.
    private static let lasting = 8 * ChunkPool.sizes.reduce(0, +)

    @Test("Memory of received messages is used again, up to a bound, and released when it was not used for a while")
    func memoryIsReusedThenReleased() async throws {
        // Large blocks of the tests before would be used again here, in place of new ones of the size.
        while ChunkPool.passing > 0, !Task.isCancelled { await Task.yield() }
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

    @Test("Memory of short messages is not kept, so that many ports at rest wake no thread to release it")
    func shortMessagesKeepNoMemory() async throws {
        while ChunkPool.kept > Self.lasting, !Task.isCancelled { await Task.yield() }
        _ = try (0..<1_000).map { _ in try Chunk(capacity: 4 << 10) }
        #expect(ChunkPool.kept <= Self.lasting)
    }

    @Test("Memory of messages is not kept where only a foreign loop runs, so that no thread is started to release it")
    func foreignLoopKeepsNoMemory() async {
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
