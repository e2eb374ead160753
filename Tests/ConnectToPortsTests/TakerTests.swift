import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectToPorts

@Suite("A port's messages go to one taker at a time", .chosenExecutor, .timeLimit(.minutes(1)))
struct TakerTests {
    private static func isRefused(_ body: () async throws -> Void) async -> Bool {
        do {
            try await body()
            return false
        } catch PortError.Code.alreadyTaken {
            return true
        } catch {
            Issue.record(error)
            return false
        }
    }

    @Test("A second loop over a port's messages throws, and the first misses none of them", arguments: [true, false])
    func secondLoopThrows(firstWaits: Bool) async throws {
        let channel = try MessageChannel()
        if !firstWaits { for number in 0..<10 { try channel.port1.postMessage("\(number)") } }
        let (started, hasStarted) = AsyncStream<Void>.makeStream()
        let first = Task {
            var texts: [String?] = []
            for try await message in channel.port2.messages {
                hasStarted.finish()
                texts.append(message.text)
            }
            return texts
        }
        if firstWaits { await channel.port2.untilTaskWaits(for: .input) } else { for await _ in started {} }
        #expect(await Self.isRefused { for try await message in channel.port2.messages { Issue.record("\(message)") } })
        #expect(await Self.isRefused { _ = try await channel.port2.nextMessage() })
        #expect(await Self.isRefused { _ = try channel.port2.takeMessage() })
        if firstWaits { for number in 0..<10 { try channel.port1.postMessage("\(number)") } }
        channel.port1.finish()
        #expect(try await first.joined() == (0..<10).map { "\($0)" })
    }

    @Test("The error of a port's second taker says what takes the messages, and what to do")
    func secondTakersErrorSaysWhatToDo() throws {
        #expect(PortError.alreadyTaken.message.contains("onMessage"))
        #expect(PortError.alreadyTaken.message.contains("take the messages in one place"))
    }

    @Test(
        "A loop over a port's messages goes on where another was left, many messages behind it or few",
        arguments: [2, 100, 5_000])
    func nextLoopGoesOnWhereLastEnded(count: Int) async throws {
        let channel = try MessageChannel()
        var batch = MessageBatch()
        for number in 0..<count { try batch.append("\(number)") }
        try channel.port1.postMessages(batch)
        channel.port1.finish()
        var texts: [String?] = []
        for try await message in channel.port2.messages {
            texts.append(message.text)
            if texts.count == count / 2 { break }
        }
        texts.append(try await channel.port2.nextMessage()?.text)
        if texts.count < count { texts.append(try channel.port2.takeMessage()?.text) }
        for try await message in channel.port2.messages { texts.append(message.text) }
        #expect(texts == (0..<count).map { "\($0)" })
    }

    @Test("An iterator of a port's messages claims them when it is asked for one, and releases them at its end")
    func idleIteratorClaimsNothing() async throws {
        let channel = try MessageChannel()
        var idle = channel.port2.messages.makeAsyncIterator()
        var busy = channel.port2.messages.makeAsyncIterator()
        try channel.port1.postMessage("1")
        channel.port1.finish()
        #expect(try await busy.next()?.text == "1")
        #expect(await Self.isRefused { _ = try await channel.port2.nextMessage() })
        #expect(try await busy.next() == nil)
        #expect(try await idle.next() == nil)
        #expect(try await busy.next() == nil)
    }

    @Test("A task that is cancelled while it waits leaves a port's messages to the next, though its iterator lives on")
    func cancelledTakerReleasesMessages() async throws {
        let channel = try MessageChannel()
        let first = Task {
            var iterator = channel.port2.messages.makeAsyncIterator()
            await #expect(throws: CancellationError.self) { try await iterator.next() }
            // Not before: a task that is woken by its cancellation may find a message, and then takes it.
            try channel.port1.postMessage("1")
            let text = try await Task { try await channel.port2.nextMessage()?.text }.value
            withExtendedLifetime(iterator) {}
            return text
        }
        await channel.port2.untilTaskWaits(for: .input)
        first.cancel()
        #expect(try await first.value == "1")
    }

    @Test("A message handler takes over from a loop, which throws; without the handler a loop goes on")
    func handlerTakesOverFromLoop() async throws {
        let channel = try MessageChannel()
        let (texts, log) = AsyncStream<String>.makeStream()
        let looping = Task { try await channel.port2.take() }
        await channel.port2.untilTaskWaits(for: .input)
        channel.port2.onMessage { log.yield($0.text ?? "?") }
        #expect(await Self.isRefused { _ = try await looping.joined() })
        try channel.port1.postMessage("1")
        var seen = texts.makeAsyncIterator()
        #expect(await seen.next() == "1")
        #expect(await Self.isRefused { _ = try await channel.port2.nextMessage() })
        #expect(await Self.isRefused { _ = try channel.port2.takeMessage() })
        channel.port2.onMessage(nil)
        try channel.port1.postMessage("2")
        #expect(try await channel.port2.take()?.text == "2")
    }

    @Test("An iterator with messages lent to it takes no more of them once a handler has taken over")
    func handlerRevokesLentMessages() async throws {
        let loop = try EventLoop.makeDrivenByForeignLoop()
        let (mine, theirs) = try MessageChannel.makePair(on: loop)
        var batch = MessageBatch()
        for number in 0..<100 { try batch.append("\(number)") }
        try theirs.postMessages(batch)
        mine.start()
        loop.runReady()
        var iterator = mine.messages.makeAsyncIterator()
        for number in 0..<10 { #expect(try await iterator.next()?.text == "\(number)") }
        let handled = Lock<[String?]>([])
        mine.onMessage { message in handled.withLock { $0.append(message.text) } }
        #expect(await Self.isRefused { _ = try await iterator.next() })
        loop.runReady()
        #expect(handled.withLock(\.self) == (10..<100).map { "\($0)" })
        mine.close()
        loop.runReady()
    }
}
