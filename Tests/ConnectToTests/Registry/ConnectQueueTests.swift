import ConnectToLinux
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectTo

@Suite("Callers that nobody takes", .privateBus, .timeLimit(.minutes(1)))
struct ConnectQueueTests {
    @Test("as many wait as the queue holds; the next is refused, and was never open")
    func overflow() async throws {
        try await expectNoDescriptorLeak {
            let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
            let context = try await there.register("busy")
            var waiting: [MessagePort] = []
            for _ in 0..<Backlog.capacityOfProcess {
                let port = here.connectTo("busy")
                try await port.waitUntilOpen()
                waiting.append(port)
            }
            let refused = here.connectTo("busy")
            try refused.postMessage("unheard")
            let error = await #expect(throws: PortError.self) { try await refused.waitUntilOpen() }
            #expect(error?.reason?.code == .busy)
            #expect(refused.closeReason?.code == .busy)

            // One is taken: there is room for one.
            let first = try #require(await context.nextConnect())
            try first.source.postMessage("you are first")
            #expect(try await waiting[0].nextText() == "you are first")
            try await here.connectTo("busy").waitUntilOpen()
            await here.close()
            await there.close()
        }
    }

    @Test("calls of one program are served in the order it made them, known to the listener or not")
    func order() async throws {
        let there = try await Bus.onPrivateBus()
        let context = try await there.register("x")
        for _ in 0..<3 {
            let here = try await Bus.onPrivateBus()
            let ports = (0..<60).map { here.connectTo("x", options: .init(metadata: ["n": "\($0)"])) }
            var served: [String] = []
            while served.count < ports.count, let event = await context.nextConnect() {
                served.append(event.metadata["n"] ?? "?")
            }
            #expect(served == (0..<ports.count).map { "\($0)" })
            withExtendedLifetime(ports) {}
            await here.close()
        }
    }

    @Test("with the process's descriptors nearly used up callers are refused, and the bus is kept")
    func fewDescriptors() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x")
        try await withDescriptorLimit(200) { limit in
            // There is room for this line still, and for thirty more descriptors.
            var taken = [try Descriptor.duplicate(of: 0)]
            while let last = taken.last, last.rawValue < limit - 32 {
                taken.append(try Descriptor.duplicate(of: 0))
            }
            let refused = here.connectTo("x")
            #expect(try await refused.waitUntilClosed().code == .busy)
            #expect(!there.isLost)

            taken.removeAll()
            // Copies of what others have open are closed by a thread of its own.
            Descriptor.settleClosing()
            try await here.connectTo("x").waitUntilOpen()
        }
        withExtendedLifetime(context) {}
    }

    @Test("two tasks may take turns: each caller goes to one of them")
    func twoTakers() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x", options: .init(callerLimit: 20))
        let count = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    var count = 0
                    for await event in context.connects {
                        count += 1
                        event.source.close()
                    }
                    return count
                }
            }
            for _ in 0..<20 {
                let port = here.connectTo("x")
                #expect(try await port.waitUntilClosed().code == .closed)
            }
            return try await group.reduce(0, +)
        }
        #expect(count == 20)
    }

    @Test("cancelling the task that takes them unregisters, and who waited in vain is let go")
    func cancelled() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x")
        let changes = try await here.changes()
        let taker = Task { for await _ in context.connects {} }
        try await here.connectTo("x").waitUntilOpen()
        taker.cancel()
        await taker.value
        var gone = changes.makeAsyncIterator()
        #expect(try await gone.next()?.kind == .unregistered)
        #expect(context.endReason == .unregistered)
        #expect(try await here.connectTo("x", options: .init(wait: .now)).waitUntilClosed().code == .unavailable)
        #expect(await context.nextConnect() == nil)
    }

    @Test("callers that wait in the queue are served after the name is gone")
    func afterUnregister() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x")
        let port = here.connectTo("x")
        try await port.waitUntilOpen()
        await context.unregister()
        let event = try #require(await context.nextConnect())
        #expect(await context.nextConnect() == nil)
        try event.source.postMessage("late, but served")
        #expect(try await port.nextText() == "late, but served")
    }
}
