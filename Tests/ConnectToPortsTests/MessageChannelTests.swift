import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectToPorts

@Suite("A message channel", .chosenExecutor, .timeLimit(.minutes(1)))
struct MessageChannelTests {
    @Test("A message channel carries bytes, text and JSON, in order, both ways")
    func channelCarriesAllKinds() async throws {
        let channel = try MessageChannel()
        try channel.port1.postMessage("Hello")
        try channel.port1.postMessage([1, 2, 255] as [UInt8])
        try channel.port1.postMessage(.encoding(["answer": 42]))
        var messages = channel.port2.messages.makeAsyncIterator()
        #expect(try await messages.next()?.text == "Hello")
        let bytes = try await messages.next()
        #expect(bytes?.bytes == [1, 2, 255])
        #expect(bytes?.text == nil)
        #expect(try await messages.next()?.decode([String: Int].self) == ["answer": 42])

        try channel.port2.postMessage("Welcome!")
        var answers = channel.port1.messages.makeAsyncIterator()
        #expect(try await answers.next()?.text == "Welcome!")
    }

    @Test("A message channel delivers what was posted before a close, then ends")
    func channelDeliversThenEnds() async throws {
        let channel = try MessageChannel()
        for number in 0..<1_000 { try channel.port1.postMessage("\(number)") }
        channel.port1.close()
        var received: [String] = []
        for try await message in channel.port2.messages { received.append(message.text ?? "?") }
        #expect(received == (0..<1_000).map(String.init))
        #expect(try await channel.port2.waitUntilClosed().code == .closed)
    }

    @Test("A message channel takes a message of 64 MiB, and no longer one")
    func channelTakesMessageOfLimit() async throws {
        let channel = try MessageChannel()
        let large = [UInt8](repeating: 7, count: 64 << 20)
        try channel.port1.postMessage(large)
        var messages = channel.port2.messages.makeAsyncIterator()
        #expect(try await messages.next()?.bytes == large)
        #expect(throws: PortError.self) { try channel.port1.postMessage(large + [1]) }
    }

    @Test("send on a message channel waits for room while the reader is slow")
    func sendWaitsForSlowReader() async throws {
        let channel = try MessageChannel()
        let block = [UInt8](repeating: 1, count: 1 << 20)
        async let sending: Void = {
            for _ in 0..<100 { try await channel.port1.send(.bytes(block)) }
            channel.port1.finish()
        }()
        var count = 0
        for try await message in channel.port2.messages { count += message.count }
        try await sending
        #expect(count == 100 << 20)
        #expect(channel.port2.closeReason == nil)
        channel.port2.finish()
        #expect(try await channel.port1.waitUntilClosed().code == .closed)
        #expect(try await channel.port2.waitUntilClosed().code == .closed)
    }

    @Test("A message channel carries ten thousand messages both ways at once")
    func channelCarriesManyMessages() async throws {
        let channel = try MessageChannel()
        let numbers = (0..<10_000).map(String.init)
        async let first = channel.port1.takeAll().texts
        async let second = channel.port2.takeAll().texts
        try await withThrowingTaskGroup { group in
            for port in [channel.port1, channel.port2] {
                group.addTask {
                    for number in numbers { try await port.send(.text(number)) }
                    port.finish()
                }
            }
            try await group.waitForAll()
        }
        #expect(await first == numbers)
        #expect(await second == numbers)
        #expect(try await channel.port1.waitUntilClosed().code == .closed)
        #expect(try await channel.port2.waitUntilClosed().code == .closed)
    }

    @Test("A message channel works on a loop that the program turns itself")
    func channelOnForeignLoop() async throws {
        let loop = try EventLoop.makeDrivenByForeignLoop()
        let channel = try MessageChannel(on: loop)
        let texts = Task { await channel.port2.takeAll().texts }
        try channel.port1.postMessage("Hello")
        try channel.port1.postMessage("World")
        channel.port1.close()
        // As a main loop does it: sleep until there is something, run it, sleep again.
        while channel.port2.closeReason == nil {
            var look = pollfd(fd: loop.pollableDescriptor, events: Int16(POLLIN), revents: 0)
            try #require(poll(&look, 1, 30_000) == 1)
            loop.runReady()
        }
        #expect(await texts.joined() == ["Hello", "World"])
        // What the ends have to do still: on a loop that nobody turns any more they would stay in memory.
        loop.runReady()
    }
}
