import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectTo

@Suite("A context with a limit of callers", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct AcceptingTests {
    @Test("A context with a limit unregisters with the last caller admitted, whose port is as good as any")
    func lastAdmittedCallerUnregisters() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x", options: .init(callerLimit: 1))
        let port = here.connectTo("x")
        let event = try #require(await context.nextConnect())
        #expect(await context.nextConnect() == nil)
        #expect(context.endReason == .limitReached)
        #expect(context.status != .registered)
        try event.source.postMessage("for you alone")
        #expect(try await port.nextText() == "for you alone")
        #expect(try await here.connectTo("x", options: .init(wait: .now)).waitUntilClosed().code == .unavailable)
    }

    @Test("A context's limit of callers is at least one", arguments: [0, -1])
    func limitIsAtLeastOne(limit: Int) async throws {
        let bus = try await Bus.onPrivateBus()
        let error = await #expect(throws: ConnectToError.self) {
            try await bus.register("x", options: .init(callerLimit: limit))
        }
        #expect(error?.code == .invalidLimit)
        #expect(try await bus.directory().isEmpty)
    }

    @Test("Of two callers at once of a context that admits one, one is admitted and the other finds no name")
    func secondCallerFindsNoName() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x", options: .init(callerLimit: 1))
        let ports = [here.connectTo("x", options: .init(wait: .now)), here.connectTo("x", options: .init(wait: .now))]
        let event = try #require(await context.nextConnect())
        event.source.close()
        let codes = [try await ports[0].waitUntilClosed().code, try await ports[1].waitUntilClosed().code]
        #expect(Set(codes) == [.closed, .unavailable])
    }

    @Test("A caller over a context's limit waits for the next owner, with all that it has posted")
    func secondCallerWaitsForNextOwner() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        for round in 0..<10 {
            let first = try await there.register("x", options: .init(callerLimit: 1))
            let ports = [here.connectTo("x"), here.connectTo("x")]
            for port in ports { try port.postMessage("from a caller") }
            _ = try #require(await first.nextConnect()).source
            #expect(await first.nextConnect() == nil)
            await first.unregister()
            let second = try await here.register("x")
            let event = try #require(await second.nextConnect())
            #expect(try await event.source.nextText() == "from a caller", "round \(round)")
            try event.source.postMessage("welcome, after all")
            event.source.close()
            // The one that was admitted first hears nothing.
            let heard = [try await ports[0].nextText(), try await ports[1].nextText()]
            #expect(heard.compactMap { $0 } == ["welcome, after all"], "round \(round)")
            await second.unregister()
        }
    }

    @Test("Of twenty callers of a context that admits five, five are admitted")
    func fiveOfTwentyAreAdmitted() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x", options: .init(callerLimit: 5))
        let ports = (0..<20).map { _ in here.connectTo("x", options: .init(wait: .now)) }
        var events: [ConnectEvent] = []
        for try await event in context.connectEvents { events.append(event) }
        #expect(events.count == 5)
        var codes: [CloseReason.Code] = []
        for event in events { event.source.close() }
        for port in ports { codes.append(try await port.waitUntilClosed().code) }
        #expect(codes.count { $0 == .closed } == 5)
        #expect(codes.count { $0 == .unavailable } == 15)
    }
}
