import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectTo

@Suite("The connection to a bus that a process shares", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct BusSharingTests {
    @Test("All parts of a process that ask for a bus share one connection, at once or one after the other")
    func partsShareOneConnection() async throws {
        let address = try PrivateBus.current.address
        let buses = try await withThrowingTaskGroup(of: Bus.self) { group in
            for _ in 0..<50 { group.addTask { try await Bus.at(address) } }
            return try await group.reduce(into: [Bus]()) { $0.append($1) }
        }
        let first = try #require(buses.first)
        #expect(buses.count { $0 === first } == 50)
        #expect(try await Bus.at(address) === first)
        #expect(try await Bus.makeSeparate(at: address) !== first)
        #expect(first.address == address)
    }

    @Test("A bus that was dropped, closed or lost is opened anew")
    func endedBusIsOpenedAnew() async throws {
        let address = try PrivateBus.current.address
        let closed = try await Bus.at(address)
        await closed.close()
        #expect(closed.isLost)
        #expect(await closed.waitUntilLost().code == .busLost)
        let again = try await Bus.at(address)
        #expect(again !== closed)
        #expect(try await again.directory() == [])
    }

    @Test("Dropping the last reference to a bus ends its connection")
    func lastReferenceEndsConnection() async throws {
        let address = try PrivateBus.current.address
        try await expectNoDescriptorLeak {
            for _ in 0..<5 { _ = try await Bus.at(address).directory() }
        }
    }

    @Test("A bus has a connection of its own on each loop")
    func loopsHaveOwnConnections() async throws {
        let address = try PrivateBus.current.address
        let foreign = try EventLoop.makeDrivenByForeignLoop()
        let isDone = Latch<Void>()
        let turning = Task.detached {
            // A main loop of the poorest kind.
            while isDone.value == nil {
                foreign.runReady()
                await Task.yield()
            }
        }
        let bus = try await Bus.at(address, on: foreign)
        #expect(try await Bus.at(address, on: foreign) === bus)
        #expect(try await Bus.at(address) !== bus)
        #expect(try await bus.directory() == [])
        await bus.close()
        isDone.set()
        await turning.value
    }

    @Test("A program that keeps only a port that waits for its name stays connected to the bus")
    func portAloneKeepsBus() async throws {
        let there = try await Bus.onPrivateBus()
        let port = try await Bus.onPrivateBus().connectTo("late")
        try port.postMessage("from nobody's bus")
        let context = try await there.register("late")
        let event = try #require(await context.nextConnect())
        #expect(try await event.source.nextText() == "from nobody's bus")
        try event.source.postMessage("to whom it may concern")
        #expect(try await port.nextText() == "to whom it may concern")
    }
}
