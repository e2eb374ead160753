import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectTo

@Suite("Losing the bus", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct BusLossTests {
    @Test("When the bus goes away, open ports go on, contexts end, and every wait on it learns why")
    func portsOutliveBus() async throws {
        let (here, there) = (
            try await Bus.onPrivateBus(reconnectingFor: .zero),
            try await Bus.onPrivateBus(reconnectingFor: .zero)
        )
        let context = try await there.register("x")
        let standby = try await here.register("x", options: .init(ownership: .standby))
        let port = here.connectTo("x")
        let event = try #require(await context.nextConnect())
        try await port.waitUntilOpen()

        try PrivateBus.current.kill()
        #expect(await here.waitUntilLost().code == .busLost)
        #expect(await there.waitUntilLost().code == .busLost)
        #expect(here.isLost && there.isLost)
        #expect(await context.nextConnect() == nil)
        #expect(context.endReason == .busLost)
        #expect(await standby.nextConnect() == nil)
        #expect(standby.endReason == .busLost)
        #expect(context.status != .registered && standby.status != .standby)

        #expect(port.closeReason == nil)
        try port.postMessage("still here")
        #expect(try await event.source.nextText() == "still here")
        try event.source.postMessage("so am I")
        #expect(try await port.nextText() == "so am I")
        #expect(port.closeReason == nil && event.source.closeReason == nil)
        port.close()
        #expect(try await event.source.waitUntilClosed().code == .closed)

        // Nothing hangs on it any more.
        await context.unregister()
        #expect(context.endReason == .busLost)
        let error = await #expect(throws: ConnectToError.self) { try await here.register("y") }
        #expect(error?.code == .busLost)
    }

    @Test("Closing a bus ends this program's contexts and introductions, and no port")
    func closingBusEndsContextsNotPorts() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x")
        let port = here.connectTo("x")
        let event = try #require(await context.nextConnect())
        try await port.waitUntilOpen()
        let waiting = here.connectTo("nobody", options: .init(wait: .untilAvailable(for: .seconds(3_600))))
        var changes = try await here.changes().makeAsyncIterator()
        await here.close()
        #expect(try await waiting.waitUntilClosed().code == .busLost)
        let error = await #expect(throws: ConnectToError.self) { try await changes.next() }
        #expect(error?.code == .busLost)
        await there.close()
        #expect(await context.nextConnect() == nil)
        #expect(context.endReason == .busLost)
        try port.postMessage("still here")
        #expect(try await event.source.nextText() == "still here")
        await there.close()
    }

    @Test("Connect events that wait to be taken can be taken after the bus is lost")
    func queuedEventsSurviveBusLoss() async throws {
        let (here, there) = (
            try await Bus.onPrivateBus(reconnectingFor: .zero),
            try await Bus.onPrivateBus(reconnectingFor: .zero)
        )
        let context = try await there.register("x")
        let port = here.connectTo("x")
        try port.postMessage("before")
        try await port.waitUntilOpen()
        try PrivateBus.current.kill()
        _ = await there.waitUntilLost()
        let event = try #require(await context.nextConnect())
        #expect(try await event.source.nextText() == "before")
        #expect(await context.nextConnect() == nil)
    }

    @Test("A cancelled wait for the loss of a bus returns that it was cancelled")
    func cancelledWaitUntilLost() async throws {
        let bus = try await Bus.onPrivateBus()
        let waiting = Task { await bus.waitUntilLost().code }
        waiting.cancel()
        #expect(await waiting.value == .cancelled)
        #expect(!bus.isLost)
    }
}
