import ConnectToTestSupport
import ConnectToTesting
import Synchronization
import Testing

@testable import ConnectToPorts

@Suite("Consumers of ports on a busy loop", .chosenExecutor, .timeLimit(.minutes(1)))
struct ConsumerTests {
    @Test("Consumers of other ports, and timers, get their turn while one port is flooded")
    func floodDelaysNoOtherConsumer() async throws {
        let loop = try EventLoop.shared
        let (port, peer) = try RawPeer.withPort()
        let channel = try MessageChannel()
        let block = (0..<10_000).flatMap { _ in Wire.text("flood") }
        let isOver = Atomic(false)
        let flooding = Task {
            while !isOver.load(ordering: .relaxed) { try await peer.send(block) }
            try await peer.send(Wire.finish)
        }
        let draining = Task(executorPreference: loop.executor) {
            var count = 0
            for try await _ in port.messages { count += 1 }
            return count
        }
        let echo = Task {
            for try await message in channel.port2.messages { try channel.port2.postMessage(message.bytes) }
        }
        for round in 0..<50 as Range<UInt8> {
            try channel.port1.postMessage([round])
            #expect(try await channel.port1.take()?.bytes == [round])
            await loop.pass(.microseconds(100))
        }
        isOver.store(true, ordering: .relaxed)
        try await flooding.joined()
        #expect(try await draining.joined() >= 10_000)
        channel.port1.close()
        try await echo.joined()
    }

    @Test("Consumers on the loop get what is posted on the loop, gathered or not")
    func consumersOnLoopGetMessages() async throws {
        let loop = try EventLoop.shared
        let channel = try MessageChannel()
        let echo = Task(executorPreference: loop.executor) {
            for try await message in channel.port2.messages { try channel.port2.postMessage(message.bytes) }
            channel.port2.finish()
        }
        let payloads = (0..<3_000).map {
            [UInt8](repeating: UInt8(truncatingIfNeeded: $0), count: $0 * 31 % 997)
        }
        try await Task(executorPreference: loop.executor) {
            for payload in payloads { try await channel.port1.send(.bytes(payload)) }
            channel.port1.finish()
            var answers: [[UInt8]] = []
            for try await message in channel.port1.messages { answers.append(message.bytes) }
            #expect(answers == payloads)
        }.joined()
        try await echo.joined()
        #expect(try await channel.port1.waitUntilClosed().code == .closed)
    }

    @Test(
        "On the loop one posted message leaves at once and more at the turn's end, and a flush waits for that")
    func loopGathersUntilTurnEnd() async throws {
        let (port, peer) = try RawPeer.withPort()
        try await Task(executorPreference: try EventLoop.shared.executor) {
            for round in 1...3 {
                try port.postMessage("one \(round)")
                #expect(port.bufferedAmount == 0)
                try port.postMessage("two \(round)")
                #expect(port.bufferedAmount == 13)
                try await port.flush()
                #expect(port.bufferedAmount == 0)
                // The next turn.
                await Task.yield()
            }
        }.joined()
        let expected = (1...3).flatMap { Wire.text("one \($0)") + Wire.text("two \($0)") }
        #expect(try await peer.receive(expected.count) == expected)
    }
}
