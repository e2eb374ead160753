import ConnectToTesting
import LinuxIO
import Testing

@testable import Ports

@Suite("What the ports of one user hold together", .chosenExecutor, .timeLimit(.minutes(1)))
struct InputBudgetTests {
    /// Ports that share a budget, and the other ends of their lines.
    private func ports(_ count: Int, _ budget: InputBudget) throws -> [(near: MessagePort, far: MessagePort)] {
        let loop = try EventLoop.shared
        return try (0..<count).map { _ in
            let (near, far) = try StreamSocket.pair()
            let port = MessagePort(adopting: near, on: loop, budget: budget)
            port.start()
            return (port, MessagePort(adopting: far, on: loop))
        }
    }

    @Test("nobody takes: they stop reading, short messages still get through, and all comes when it is taken")
    func bound() async throws {
        let budget = InputBudget(4 << 20)
        let pairs = try ports(16, budget)
        let large = [UInt8](repeating: 7, count: 2 << 20)
        for pair in pairs { try pair.far.postMessage(large) }
        // Whatever the loop is going to read it has read when the last of these is there.
        let (quiet, talker) = try ports(1, budget)[0]
        var news = quiet.messages.makeAsyncIterator()
        for number in 0..<1_000 {
            try talker.postMessage("\(number)")
            #expect(try await news.next()?.text == "\(number)")
        }
        // One message beyond, and of each what it may have at any rate and one reading more.
        #expect(budget.held >= 2 << 20)
        #expect(budget.held <= (4 << 20) + large.count + 17 * (320 << 10))
        try await withThrowingDiscardingTaskGroup { group in
            for pair in pairs {
                group.addTask {
                    var messages = pair.near.messages.makeAsyncIterator()
                    let message = try await messages.next()
                    #expect(message?.bytes.count == large.count)
                }
            }
        }
        while budget.held > 0, !Task.isCancelled { await Task.yield() }
        for pair in pairs { pair.far.close() }
        talker.close()
    }

    @Test("messages that are together larger than the budget do not wait for each other")
    func noDeadlock() async throws {
        let budget = InputBudget(1 << 20)
        let pairs = try ports(8, budget)
        try await withThrowingDiscardingTaskGroup { group in
            for pair in pairs {
                group.addTask {
                    for _ in 0..<4 { try await pair.far.send([UInt8](repeating: 1, count: 3 << 20)) }
                    pair.far.finish()
                }
                group.addTask {
                    var count = 0
                    for try await message in pair.near.messages { count += message.bytes.count }
                    #expect(count == 4 * (3 << 20))
                    pair.near.close()
                }
            }
        }
        #expect(budget.held == 0)
    }

    @Test("what came inside of ports counts until it has been taken, written or let go, started or not")
    func insideOfPorts() async throws {
        let budget = InputBudget(64 << 20)
        let (near, far) = try ports(1, budget)[0]
        let size = 1 << 20
        for _ in 0..<3 {
            let (travelling, other) = try MessageChannel.makePair()
            travelling.start()
            try other.postMessage([UInt8](repeating: 1, count: size))
            while !Task.isCancelled, travelling.line.read({ $0.input.isEmpty }) { await Task.yield() }
            try travelling.postMessage([UInt8](repeating: 2, count: size))
            try far.postMessage("a port", transfer: [.port(travelling)])
            let arrived = try #require(try await near.take()?.ports.first)
            while !Task.isCancelled, budget.held < size + size / 2 { await Task.yield() }
            // Read by the other side it is no burden any more; nor taken on this one.
            #expect(try await other.take()?.count == size)
            while !Task.isCancelled, budget.held > size + 4096 { await Task.yield() }
            #expect(budget.held >= size)
            #expect(try await arrived.take()?.count == size)
            while !Task.isCancelled, budget.held > 0 { await Task.yield() }
        }
        near.close()
    }

    @Test("a port that ends gives back what it held")
    func givenBack() async throws {
        let budget = InputBudget(1 << 20)
        let pairs = try ports(1, budget)
        try pairs[0].far.postMessage([UInt8](repeating: 1, count: 100_000))
        while budget.held < 100_000, !Task.isCancelled { await Task.yield() }
        pairs[0].near.close()
        while budget.held > 0, !Task.isCancelled { await Task.yield() }
        pairs[0].far.close()
    }
}
