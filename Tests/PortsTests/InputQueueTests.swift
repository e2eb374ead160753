import ConnectToTesting
import LinuxIO
import Testing

@testable import Ports

@Suite("What has been received", .chosenExecutor, .timeLimit(.minutes(1)))
struct InputQueueTests {
    /// A queue with one run of numbered messages, a byte each.
    private func filled(with count: Int) throws -> InputQueue {
        var reader = FrameReader(lengthLimit: 100)
        let bytes = (0..<count).flatMap { Wire.bytes([UInt8($0)]) }
        reader.room().copyBytes(from: bytes)
        reader.didReceive(bytes.count)
        var queue = InputQueue()
        let run = reader.nextRun(atMost: 1_000, size: .max)
        queue.append(try #require(run))
        return queue
    }

    @Test("is claimed from what is lent, but for the last message, and is counted when it is settled")
    func claims() throws {
        var queue = try filled(with: 10)
        let lent = queue.lend()
        let cursor = try #require(lent)
        for number in 0..<9 { #expect(cursor.claim()?.bytes == [UInt8(number)]) }
        #expect(cursor.claim() == nil)
        #expect((queue.count, queue.isEmpty) == (10, false))
        queue.settle()
        let claimed = queue.collectTaken()
        #expect((queue.count, queue.size, claimed) == (1, 9, 9))
        let last = queue.popFirst()
        let popped = queue.collectTaken()
        #expect(last?.bytes == [9])
        #expect((queue.count, queue.size, popped) == (0, 0, 1))
    }

    @Test("is nobody's to claim any more when the lending has ended, and what remains is whole")
    func revocation() throws {
        var queue = try filled(with: 10)
        let lent = queue.lend()
        let cursor = try #require(lent)
        for _ in 0..<4 { _ = cursor.claim() }
        queue.revoke()
        #expect(cursor.claim() == nil)
        let taken = queue.collectTaken()
        #expect(taken == 4)
        #expect(queue.remainder.bytes == (4..<10).flatMap { Wire.bytes([UInt8($0)]) })
        queue.removeAll()
        #expect((queue.count, queue.size, queue.isEmpty) == (0, 0, true))
    }

    @Test("goes to each of several takers once, whoever is quicker")
    func several() async throws {
        for _ in 0..<50 {
            var queue = try filled(with: 200)
            let lent = queue.lend()
            let cursor = try #require(lent)
            let taken = await withTaskGroup { group in
                for _ in 0..<4 {
                    group.addTask {
                        var mine: [UInt8] = []
                        while let message = cursor.claim() { mine += message.bytes }
                        return mine
                    }
                }
                return await group.reduce(into: []) { $0 += $1 }
            }
            #expect(taken.sorted() == Array(0..<199))
            let last = queue.popFirst()
            #expect(last?.bytes == [199])
        }
    }

    @Test("goes to the handler of the moment, also where one replaces another in the middle of a run")
    func replacedHandler() async throws {
        let channel = try MessageChannel()
        let seen = Lock<[String]>([])
        let (done, isDone) = AsyncStream<Void>.makeStream()
        let port = channel.port2
        port.onMessage { message in
            seen.withLock { $0.append("first \(message.bytes[0])") }
            guard message.bytes == [2] else { return }
            port.onMessage { message in
                seen.withLock { $0.append("second \(message.bytes[0])") }
                if message.bytes == [9] { isDone.finish() }
            }
        }
        var batch = MessageBatch()
        for number in 0..<10 { batch.append([UInt8(number)]) }
        try channel.port1.postMessages(batch)
        for await _ in done {}
        let expected = (0..<3).map { "first \($0)" } + (3..<10).map { "second \($0)" }
        #expect(seen.withLock { $0 } == expected)
        channel.port1.close()
    }
}
