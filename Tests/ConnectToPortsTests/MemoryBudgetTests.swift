import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectToPorts

@Suite("The memory budget of several ports", .chosenExecutor, .timeLimit(.minutes(1)))
struct MemoryBudgetTests {
    /// Ports that share a budget, and the other ends of their lines.
    private func ports(_ count: Int, _ budget: MemoryBudget) throws -> [(near: MessagePort, far: MessagePort)] {
        let loop = try EventLoop.shared
        return try (0..<count).map { _ in
            let (near, far) = try StreamSocket.pair()
            let port = MessagePort(adopting: near, on: loop, budget: budget)
            port.start()
            return (port, MessagePort(adopting: far, on: loop))
        }
    }

    @Test("Ports over their common budget stop reading, let short messages through, and go on when all is taken")
    func portsOverBudgetStopReading() async throws {
        let budget = MemoryBudget(4 << 20)
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
        #expect(budget.held <= (4 << 20) + 2 * large.count + 17 * (320 << 10))
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

    @Test("Messages that are together larger than the budget do not wait for each other")
    func largeMessagesDoNotDeadlock() async throws {
        let budget = MemoryBudget(1 << 20)
        let pairs = try ports(8, budget)
        try await withThrowingDiscardingTaskGroup { group in
            for pair in pairs {
                group.addTask {
                    for _ in 0..<4 { try await pair.far.send(.bytes([UInt8](repeating: 1, count: 3 << 20))) }
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

    @Test("Input inside of transferred ports counts until it is taken, written or released, on ports started or not")
    func inputInsideOfPortsCounts() async throws {
        let budget = MemoryBudget(64 << 20)
        let (near, far) = try ports(1, budget)[0]
        let size = 1 << 20
        for _ in 0..<3 {
            let (travelling, other) = try MessageChannel.makePair()
            travelling.start()
            try other.postMessage([UInt8](repeating: 1, count: size))
            while !Task.isCancelled, travelling.line.read({ $0.input.isEmpty }) { await Task.yield() }
            try travelling.postMessage([UInt8](repeating: 2, count: size))
            try far.postMessage(.text("a port", transfer: [.port(travelling)]))
            let arrived = try #require(try await near.take()?.ports.first)
            while !Task.isCancelled, budget.held < size + size / 2 { await Task.yield() }
            // Read by the other side it is no burden any more; nor taken on this one.
            #expect(try await other.take()?.count == size)
            // The memory that it was read into can be more than it takes.
            while !Task.isCancelled, budget.held > arrived.line.read({ $0.reader.reserved }) + 4096 {
                await Task.yield()
            }
            #expect(budget.held >= size)
            #expect(try await arrived.take()?.count == size)
            while !Task.isCancelled, budget.held > 0 { await Task.yield() }
        }
        near.close()
    }

    @Test("A port that ends gives back what it held of the budget")
    func endedPortGivesBackBudget() async throws {
        let budget = MemoryBudget(1 << 20)
        let pairs = try ports(1, budget)
        try pairs[0].far.postMessage([UInt8](repeating: 1, count: 100_000))
        while budget.held < 100_000, !Task.isCancelled { await Task.yield() }
        pairs[0].near.close()
        while budget.held > 0, !Task.isCancelled { await Task.yield() }
        pairs[0].far.close()
    }

    @Test("A port that ends while it waits for room in a full budget is released")
    func endedPortStopsWaiting() async throws {
        let budget = MemoryBudget(1 << 20)
        let hoard = MemoryShare(of: budget, size: 1 << 20)
        weak var line: Line?
        do {
            let (near, far) = try ports(1, budget)[0]
            line = near.line
            try far.postMessage([UInt8](repeating: 1, count: 256 << 10))
            while near.line.read({ $0.inputHeld < MemoryBudget.floor }), !Task.isCancelled { await Task.yield() }
            try await EventLoop.shared.catchUp()
            near.close()
            far.close()
        }
        while line != nil, !Task.isCancelled { await Task.yield() }
        #expect(line == nil)
        withExtendedLifetime(hoard) {}
    }

    @Test("The ports of one process leave room in their user's budget to the user's other processes")
    func processLeavesRoomToOthers() async throws {
        let user = MemoryBudget(16 << 20)
        let greedy = MemoryBudget(4 << 20, within: user)
        let honest = MemoryBudget(4 << 20, within: user)
        let message = [UInt8](repeating: 1, count: 1 << 20)
        let hoard = try ports(16, greedy)
        for pair in hoard { try pair.far.postMessage(message) }
        while !greedy.isFull, !Task.isCancelled { await Task.yield() }
        #expect(!honest.isFull)
        let (near, far) = try ports(1, honest)[0]
        for _ in 0..<20 {
            try far.postMessage(message)
            #expect(try await near.take()?.count == message.count)
        }
        #expect(user.held == greedy.held)
        for pair in hoard { pair.near.close() }
        while user.held > 0, !Task.isCancelled { await Task.yield() }
    }

    @Test("Output that peers do not read counts: over the budget postMessage throws, and send waits until they read")
    func unreadOutputCounts() async throws {
        let budget = MemoryBudget(4 << 20)
        let pairs = try ports(8, budget)
        let message = [UInt8](repeating: 1, count: 1 << 20)
        var refused = 0
        for pair in pairs {
            for _ in 0..<4 {
                do throws(PortError) {
                    try pair.near.postMessage(message)
                } catch {
                    #expect(error.code == .queueFull)
                    refused += 1
                }
            }
        }
        // One message of each port at any rate.
        #expect(refused > 0)
        #expect(budget.held <= (4 << 20) + 8 * message.count)
        let sender = Task { try await pairs[7].near.send(.bytes(message)) }
        await pairs[7].near.untilTaskWaits(for: .room)
        for pair in pairs.dropLast() {
            var messages = pair.far.messages.makeAsyncIterator()
            while pair.near.bufferedAmount > 0 { _ = try await messages.next() }
        }
        // There is room again, although its own peer has read nothing.
        try await sender.joined()
        #expect(pairs[7].near.bufferedAmount > 1 << 20)
        for pair in pairs { pair.near.close() }
    }

    @Test("Small messages that are gathered for a peer that does not read count against the budget")
    func gatheredOutputCounts() async throws {
        let budget = MemoryBudget(1 << 20)
        let pairs = try ports(4, budget)
        let message = [UInt8](repeating: 1, count: 100)
        for pair in pairs {
            var isFull = false
            while !isFull, pair.near.bufferedAmount < 4 << 20 {
                do throws(PortError) {
                    try pair.near.postMessage(message)
                } catch {
                    isFull = error.code == .queueFull
                }
            }
            #expect(isFull)
        }
        #expect(pairs.reduce(0) { $0 + $1.near.bufferedAmount } <= (1 << 20) + 4 * (128 << 10))
        for pair in pairs { pair.near.close() }
    }

    @Test("Bytes that the program holds count against the budget, and keep their peers from sending more")
    func heldBytesCount() async throws {
        let budget = MemoryBudget(4 << 20)
        let (near, far) = try ports(1, budget)[0]
        let held = near.hold(bytes: 4 << 20)
        #expect(budget.isFull)
        let message = [UInt8](repeating: 1, count: 2 << 20)
        try far.postMessage(message)
        try await EventLoop.shared.catchUp()
        // Nobody would get on by reading it: what is held waits for another than the program.
        #expect(near.line.read { $0.inputHeld } < message.count / 2)
        held.release()
        #expect(try await near.take()?.count == message.count)
        near.close()
    }
}
