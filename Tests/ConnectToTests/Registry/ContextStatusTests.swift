import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectTo

@Suite("The status of a context", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct ContextStatusTests {
    @Test("A standby sees that it becomes the owner, and that another program replaces it")
    func standbySeesTakeoverAndReplacement() async throws {
        let (first, second, third) = (
            try await Bus.onPrivateBus(), try await Bus.onPrivateBus(), try await Bus.onPrivateBus()
        )
        let owner = try await first.register("x")
        let standby = try await second.register("x", options: .init(ownership: [.standby, .allowsReplacement]))
        var statuses = standby.statusChanges.makeAsyncIterator()
        #expect(await statuses.next() == .standby)
        await owner.unregister()
        #expect(await statuses.next() == .registered)
        let successor = try await third.register("x", options: .init(ownership: .replacesExisting))
        #expect(await statuses.next() == .standby)
        await standby.unregister()
        #expect(await statuses.next() == .ended)
        #expect(await statuses.next() == nil)
        // One who asks late learns the last status.
        #expect(await standby.statusChanges.first { _ in true } == .ended)
        await successor.unregister()
    }

    @Test("A context sees the bus go and come back, and its end, in each of two tasks")
    func busRestarts() async throws {
        try await withPrivateBus { privateBus in
            let bus = try await Bus.makeSeparate(at: privateBus.address)
            let context = try await bus.register("x")
            let taking = (0..<2).map { _ in
                Task {
                    var seen: [Context.Status] = []
                    for await status in context.statusChanges { seen.append(status) }
                    return seen
                }
            }
            var statuses = context.statusChanges.makeAsyncIterator()
            #expect(await statuses.next() == .registered)
            privateBus.kill()
            #expect(await statuses.next() == .reconnecting)
            try await privateBus.restart()
            #expect(await statuses.next() == .registered)
            await context.unregister()
            #expect(await statuses.next() == .ended)
            for task in taking { #expect(await task.value.suffix(3) == [.reconnecting, .registered, .ended]) }
            await bus.close()
        }
    }

    @Test("A program learns of the loss of the name at once, while serve still waits for a handler")
    func lossWhileServing() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x", options: .init(ownership: .allowsReplacement))
        let serving = Task {
            try await context.serve { event in
                try event.source.postMessage("served")
                for try await _ in event.source.messages {}
            }
        }
        let port = here.connectTo("x")
        #expect(try await port.nextText() == "served")
        let successor = try await here.register("x", options: .init(ownership: .replacesExisting))
        #expect(try await context.waitUntilEnded() == .replaced)
        #expect(port.closeReason == nil)
        port.finish()
        await #expect(throws: ConnectToError.self) { try await serving.value }
        await successor.unregister()
    }

    @Test("waitUntilEnded ends in a cancelled task, and the context lives on")
    func cancelledWait() async throws {
        let bus = try await Bus.onPrivateBus()
        let context = try await bus.register("x")
        let waiting = Task { try await context.waitUntilEnded() }
        waiting.cancel()
        let error = await #expect(throws: ConnectToError.self) { try await waiting.value }
        #expect(error?.code == .cancelled)
        #expect(context.status == .registered)
        await context.unregister()
        #expect(try await context.waitUntilEnded() == .unregistered)
    }
}
