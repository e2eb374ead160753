import ConnectTo
import ConnectToMessaging
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@Suite("Hubs on a bus", .timeLimit(.minutes(1)), .privateBus)
struct HubServingTests {
    private static let whoAmI = Request<NoPayload, String>("who-am-i")

    private func makeHub() -> Hub {
        let hub = Hub()
        hub.on(Self.whoAmI) { _, call in call.peerID ?? "nobody" }
        return hub
    }

    @Test("A hub serves two contexts and connects to a third, and knows by the bus who its callers are")
    func serving() async throws {
        let bus = try await Bus.at(PrivateBus.current.address)
        let hub = makeHub()
        let (first, second) = (
            try await bus.register("first", for: .calls), try await bus.register("second", for: .calls)
        )
        let third = try await bus.register("third", for: .calls)
        async let one: Void = hub.serve(first)
        async let two: Void = hub.serve(second)
        let spokes = [try await bus.messenger(to: "first"), try await bus.messenger(to: "second")]
        let names = [try await spokes[0].request(Self.whoAmI), try await spokes[1].request(Self.whoAmI)]
        #expect(names.sorted() == ["1", "2"])
        #expect(hub.peers.allSatisfy { $0.identity?.pid == getpid() })
        async let peer = hub.connect(to: "third", on: bus, as: "upstream")
        var events = third.connectEvents.makeAsyncIterator()
        let upstream = try await events.next().map { Messenger($0.source) }
        #expect(try await peer.id == "upstream")
        #expect(try await upstream?.request(Self.whoAmI) == "upstream")
        await first.unregister()
        await second.unregister()
        try await one
        try await two
        #expect(hub.peers.count == 3)
    }

    @Test("A caller's wish for an id counts where the program follows it, and a taken id is refused with the reason")
    func wishes() async throws {
        let bus = try await Bus.at(PrivateBus.current.address)
        let hub = makeHub()
        let (plain, wishing) = (
            try await bus.register("plain", for: .calls), try await bus.register("wishing", for: .calls)
        )
        async let one: Void = hub.serve(plain)
        async let two: Void = hub.serve(wishing) { $0.metadata["as"] }
        let options = ConnectOptions(metadata: ["as": "widget"])
        let ignored = try await bus.messenger(to: "plain", options: options)
        #expect(try await ignored.request(Self.whoAmI) == "1")
        let granted = try await bus.messenger(to: "wishing", options: options)
        #expect(try await granted.request(Self.whoAmI) == "widget")
        let refused = try await bus.messenger(to: "wishing", options: options)
        let error = await expectError(.lineEnded) { try await refused.request(Self.whoAmI) }
        #expect(error?.reason?.code == .refused)
        #expect(error?.reason?.detail == "another peer of the hub has the id \"widget\"; choose another")
        #expect(try await granted.request(Self.whoAmI) == "widget")
        await plain.unregister()
        await wishing.unregister()
        try await one
        try await two
    }

    @Test("A context of another format is not served, and the error says how to register it")
    func otherFormat() async throws {
        let bus = try await Bus.at(PrivateBus.current.address)
        let context = try await bus.register("plain")
        do {
            try await Hub().serve(context)
            Issue.record("no error")
        } catch {
            #expect(error.code == .otherFormat)
            #expect(error.message.contains("ContextOptions(format: .calls)"))
        }
    }
}

extension Bus {
    fileprivate func register(_ name: String, for format: LineFormat) async throws -> Context {
        try await register(name, options: ContextOptions(format: format))
    }
}
