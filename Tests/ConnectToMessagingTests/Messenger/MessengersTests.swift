import ConnectTo
import ConnectToMessaging
import ConnectToTestSupport
import ConnectToTesting
import Synchronization
import Testing

@Suite("Messengers that connect again", .timeLimit(.minutes(1)), .privateBus)
struct MessengersTests {
    private static let whoAmI = Request<NoPayload, String>("who-am-i")

    @Test("When a line ends its requests end, the next line has the same handlers, and nothing is sent twice")
    func reconnecting() async throws {
        let bus = try await Bus.at(PrivateBus.current.address)
        let context = try await bus.register("clock", options: ContextOptions(format: .calls))
        let (hub, handlers) = (Hub(), Handlers())
        let asked = Mutex(0)
        hub.on(Sample.wait) { [weak hub] _, call in
            asked.withLock { $0 += 1 }
            // From the handler: so the request is under way for certain when its line ends.
            hub?.disconnect(call.peerID ?? "")
            return NoPayload()
        }
        async let serving: Void = hub.serve(context)
        handlers.on(Self.whoAmI) { _, _ in "the spoke" }
        var lines = 0
        for try await messenger in bus.messengers(to: "clock", handlers: handlers, following: .everyEnd) {
            lines += 1
            var changes = hub.changes.makeAsyncIterator()
            guard case .connected(let peer)? = await changes.next() else { throw Unexpected() }
            #expect(try await hub[peer.id]?.request(Self.whoAmI) == "the spoke")
            if lines == 3 { break }
            let error = await expectError(.lineEnded) { try await messenger.request(Sample.wait) }
            #expect(error?.stage == .sent)
        }
        #expect(asked.withLock(\.self) == 2)
        await context.unregister()
        try await serving
    }

    @Test("A line that the hub refuses is not made again, and the error has the hub's reason")
    func refused() async throws {
        let bus = try await Bus.at(PrivateBus.current.address)
        let context = try await bus.register("clock", options: ContextOptions(format: .calls))
        let hub = Hub()
        async let serving: Void = hub.serve(context) { _ in "a/b" }
        let error = await #expect(throws: PortError.self) {
            for try await messenger in bus.messengers(to: "clock", following: .everyEnd) {
                await expectError(.lineEnded) { try await messenger.request(Self.whoAmI) }
            }
        }
        #expect(error?.reason?.code == .refused)
        #expect(error?.message.contains("the id \"a/b\" is not 1 to 100 bytes") == true)
        await context.unregister()
        try await serving
    }
}
