import ConnectToDBus
import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectTo

@Suite("A port that is closed before it is open", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct PointlessTests {
    private static let anHour = WaitPolicy.untilAvailable(for: .seconds(3_600))

    @Test("A port that is closed before it is open, with nothing posted, waits for no listener and holds nothing open")
    func closedPortWithoutMessagesEndsWait() async throws {
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

    @Test("A port that is aborted before it is open ends as cancelled and delivers nothing")
    func abortedPortIsCancelled() async throws {
        let bus = try await Bus.onPrivateBus()
        let port = bus.connectTo("nobody", options: .init(wait: Self.anHour))
        try port.postMessage("never sent")
        port.abort()
        #expect(try await port.waitUntilClosed().code == .cancelled)
        await #expect { try await port.flush() } throws: { PortError.Code.undelivered ~= $0 }
        await #expect { try await port.waitUntilOpen() } throws: { PortError.Code.closed ~= $0 }
    }

    @Test("A port that is closed before it is open delivers what was posted when a listener takes the name")
    func messagesOfClosedPortAreDelivered() async throws {
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

    @Test("A port that is closed while its listener is called shows the listener an orderly close")
    func calledListenerSeesOrderlyClose() async throws {
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
