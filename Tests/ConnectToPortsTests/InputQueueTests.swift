import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Synchronization
import Testing

@testable import ConnectToPorts

@Suite("The queue of received messages", .chosenExecutor, .timeLimit(.minutes(1)))
struct InputQueueTests {
    /// A queue with one run of numbered messages, a byte each.
    private func filled(with count: Int) throws -> InputQueue {
        var queue = InputQueue()
        queue.append(try #require(run(of: count)))
        return queue
    }

    private func run(of count: Int) -> MessageRun? {
        var reader = FrameReader(lengthLimit: 100)
        let bytes = (0..<count).flatMap { Wire.bytes([UInt8($0)]) }
        guard let room = try? reader.room() else { return nil }
        room.copyBytes(from: bytes)
        reader.didReceive(bytes.count)
        return reader.nextRun(atMost: 1_000, size: .max)
    }

    @Test("A taker claims lent messages, all but the last, and the queue counts them when the lending is settled")
    func lentMessagesAreClaimed() throws {
        var queue = try filled(with: 10)
        let lent = queue.lend()
        let cursor = try #require(lent)
        for number in 0..<9 { #expect(cursor.claim()?.bytes == [UInt8(number)]) }
        #expect(cursor.claim() == nil)
        #expect((queue.count, queue.isEmpty) == (10, false))
        queue.countClaims()
        let claimed = queue.collectTaken()
        #expect((queue.count, queue.size, claimed) == (1, 9, 9))
        let last = queue.popFirst()
        let popped = queue.collectTaken()
        #expect(last?.bytes == [9])
        #expect((queue.count, queue.size, popped) == (0, 0, 1))
    }

    @Test("Messages that came one by one become one run, and take no more room than is counted")
    func singleMessagesAreMerged() throws {
        var queue = InputQueue()
        var reader = FrameReader(lengthLimit: 100)
        for number in 0..<100 {
            let bytes = Wire.bytes([UInt8(number)])
            try reader.room().copyBytes(from: bytes)
            reader.didReceive(bytes.count)
            let run = reader.nextRun(atMost: 1, size: .max)
            queue.append(try #require(run))
        }
        #expect((queue.count, queue.size) == (100, 900))
        for _ in 0..<2 { _ = queue.popFirst() }
        let lent = queue.lend()
        let cursor = try #require(lent, "each message has a run of its own")
        for number in 2..<99 { #expect(cursor.claim()?.bytes == [UInt8(number)]) }
        let last = queue.popFirst(for: cursor)
        #expect(last?.bytes == [99])
        #expect((queue.count, queue.size) == (0, 0))
    }

    @Test("After a lending is revoked its taker claims nothing more, and the rest is whole")
    func revokedLendingClaimsNothing() throws {
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

    @Test("Lent messages go to their holder or to the one who revokes them, each once, in every race")
    func disputedMessagesAreTakenOnce() async throws {
        for round in 0..<500 {
            var queue = try filled(with: 200)
            let lent = queue.lend()
            let cursor = try #require(lent)
            let claimed = Atomic(0)
            let holder = Task.detached {
                var mine: [UInt8] = []
                while let message = cursor.claim() {
                    mine += message.bytes
                    claimed.add(1, ordering: .relaxed)
                }
                return mine
            }
            // In the middle of it, each time elsewhere.
            while claimed.load(ordering: .relaxed) < round % 150, !Task.isCancelled { await Task.yield() }
            var rest: [UInt8] = []
            while let message = queue.popFirst() { rest += message.bytes }
            #expect(await holder.value + rest == Array(0..<200))
            #expect((queue.count, queue.size) == (0, 0))
        }
    }

    @Test("Messages are lent again after another taker, or the holder itself, has taken some")
    func lendingGoesOnAfterDispute() throws {
        var queue = try filled(with: 200)
        let first = queue.lend()
        #expect(queue.lend() == nil)
        // Another than the holder.
        let taken = queue.popFirst()
        #expect(taken?.bytes == [0])
        #expect(first?.claim() == nil)
        let again = queue.lend()
        #expect(again?.claim()?.bytes == [1])
        let second = queue.popFirst(for: again)
        #expect(second?.bytes == [2])
        let last = queue.lend()
        #expect(last?.claim()?.bytes == [3])
        queue.endLending()
        #expect(last?.claim() == nil)
        #expect(queue.count == 196)
    }

    @Test("Messages of a run go to the handler of the moment, also where one replaces another within the run")
    func replacedHandlerTakesOver() async throws {
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
        for number in 0..<10 { try batch.append(.bytes([UInt8(number)])) }
        try channel.port1.postMessages(batch)
        for await _ in done {}
        let expected = (0..<3).map { "first \($0)" } + (3..<10).map { "second \($0)" }
        #expect(seen.withLock { $0 } == expected)
        channel.port1.close()
    }
}
