import ConnectToDBus
import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectTo

@Suite("A port that is closed before it is open", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct PointlessTests {
    private static let anHour = WaitPolicy.untilAvailable(for: .seconds(3_600))

    @Test("with nothing posted it waits for nobody, and holds nothing open")
    func nothingPosted() async throws {
        let bus = try await Bus.onPrivateBus()
        try await expectNoDescriptorLeak {
            let closed = bus.connectTo("nobody", options: .init(wait: Self.anHour))
            // Called, and waiting for an owner: another's round trip has come back after it.
            _ = try await bus.directory()
            closed.close()
            #expect(try await closed.waitUntilClosed().code == .closed)
            // Closed before the first call, and dropped.
            bus.connectTo("nobody", options: .init(wait: Self.anHour)).close()
            _ = bus.connectTo("nobody", options: .init(wait: Self.anHour))
        }
    }

    @Test("what was posted before is still delivered when somebody takes the name")
    func posted() async throws {
        let (bus, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        do {
            let port = bus.connectTo("late", options: .init(wait: Self.anHour))
            try port.postMessage("a testament")
        }
        let context = try await there.register("late")
        let event = try #require(await context.nextConnect())
        var messages = event.source.messages.makeAsyncIterator()
        #expect(try await messages.next()?.text == "a testament")
        #expect(try await messages.next() == nil)
        #expect(try await event.source.waitUntilClosed().code == .closed)
    }

    @Test("a listener that had been called already sees an orderly close")
    func calledAlready() async throws {
        let bus = try await Bus.onPrivateBus()
        let listener = try await ScriptedListener("x")
        let port = bus.connectTo("x")
        let call = try await listener.nextCall()
        port.close()
        await listener.reply(to: call)
        let line = try #require(call.line)
        let there = MessagePort(adopting: line, on: try .shared)
        there.start()
        #expect(try await there.waitUntilClosed().code == .closed)
    }
}
