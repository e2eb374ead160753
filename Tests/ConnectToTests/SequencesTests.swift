import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectTo

@Suite("The sequences of a bus and its contexts", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct SequencesTests {
    @Test("Connect events keep a context registered, though the program has dropped the context")
    func connectEventsKeepContext() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let taking = Task {
            for try await event in try await there.register("x").connectEvents {
                try event.source.postMessage("Welcome!")
                try await event.source.waitUntilClosed()
                return
            }
        }
        let port = here.connectTo("x")
        #expect(try await port.nextText() == "Welcome!")
        port.close()
        try await taking.value
        // And no longer than that.
        let changes = try await here.changes()
        if !changes.snapshot.isEmpty {
            var iterator = changes.makeAsyncIterator()
            #expect(try await iterator.next()?.kind == .unregistered)
        }
    }

    @Test("The changes of a bus's status reach each of two tasks, from when the task begins to take them")
    func statusChangesReachEachTask() async throws {
        let bus = try await Bus.onPrivateBus()
        // Reading the property begins nothing.
        let changes = bus.statusChanges
        let tasks = (0..<2).map { _ in
            Task {
                var seen: [Bus.Status] = []
                for await status in changes { seen.append(status) }
                return seen
            }
        }
        var own = changes.makeAsyncIterator()
        #expect(await own.next() == .connected)
        await bus.close()
        #expect(await own.next() == .lost)
        let end = await own.next()
        #expect(end == nil)
        for task in tasks { #expect([[.connected, .lost], [.lost]].contains(await task.value)) }
        var late = changes.makeAsyncIterator()
        #expect(await late.next() == .lost)
    }

    @Test("Two tasks that take the changes of the directory get some of them each")
    func directoryChangesAreShared() async throws {
        let bus = try await Bus.onPrivateBus()
        let changes = try await bus.changes()
        let total = 20
        let (names, sink) = AsyncStream<String>.makeStream()
        let tasks = (0..<2).map { _ in
            Task { for try await change in changes where change.kind == .registered { sink.yield(change.entry.name) } }
        }
        var contexts: [Context] = []
        for number in 0..<total { contexts.append(try await bus.register("\(number)")) }
        var seen: Set<String> = []
        for await name in names {
            seen.insert(name)
            if seen.count == total { break }
        }
        #expect(seen == Set((0..<total).map { "\($0)" }))
        for task in tasks { task.cancel() }
        for task in tasks { try await task.value }
        withExtendedLifetime(contexts) {}
    }
}
