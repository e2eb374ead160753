import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectTo

@Suite("Callers that wait in a context's queue", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct ConnectQueueTests {
    @Test("As many callers wait as the queue holds; the next is refused, and was never open")
    func callerOverQueueIsRefused() async throws {
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

    @Test("Calls of one program are served in the order in which it made them, known to the listener or not")
    func callsAreServedInOrder() async throws {
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

    @Test("With the process's descriptors nearly used up callers are refused, and the bus is kept")
    func fewDescriptorsRefuseCallers() async throws {
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
            Descriptor.waitUntilAllAreClosed()
            try await here.connectTo("x").waitUntilOpen()
        }
        withExtendedLifetime(context) {}
    }

    @Test("While one task takes the connect events another is refused, and can go on when the first has ended")
    func secondTakerIsRefused() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x")
        // Reading the property claims nothing.
        let events = context.connectEvents
        let first = here.connectTo("x")
        do {
            var taker = context.connectEvents.makeAsyncIterator()
            #expect(try await taker.next() != nil)
            var second = events.makeAsyncIterator()
            let error = await #expect(throws: ConnectToError.self) { try await second.next() }
            #expect(error?.code == .alreadyTaken)
            #expect(error?.message.contains("\"x\"") == true)
            // The first taker has lost nothing by that.
            let next = here.connectTo("x")
            #expect(try await taker.next() != nil)
            next.close()
        }
        let last = here.connectTo("x")
        var taker = events.makeAsyncIterator()
        #expect(try await taker.next() != nil)
        for port in [first, last] { port.close() }
    }

    @Test(
        "Cancelling the task that takes the connect events throws there, unregisters, and releases waiting callers")
    func cancelledTakerUnregisters() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x")
        let changes = try await here.changes()
        let taker = Task { for try await _ in context.connectEvents {} }
        try await here.connectTo("x").waitUntilOpen()
        taker.cancel()
        let error = await #expect(throws: ConnectToError.self) { try await taker.value }
        #expect(error?.code == .cancelled)
        var gone = changes.makeAsyncIterator()
        #expect(try await gone.next()?.kind == .unregistered)
        #expect(context.endReason == .unregistered)
        #expect(try await here.connectTo("x", options: .init(wait: .now)).waitUntilClosed().code == .unavailable)
        #expect(await context.nextConnect() == nil)
    }

    @Test("Callers that wait in the queue are served after the name is gone")
    func queuedCallersAreServedAfterUnregister() async throws {
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
