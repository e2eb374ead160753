import ConnectTo
import ConnectToMessaging
import ConnectToTestSupport
import ConnectToTesting
import Testing

/// The hub is a process, and its peers are here or processes too.
@Suite("Peers of a hub that is killed", .timeLimit(.minutes(1)), .privateBus)
struct SpokeProcessTests {
    private static let who = Request<NoPayload, String>("who")

    private func connect(as id: String) async throws -> Messenger {
        try await Bus.at(PrivateBus.current.address).messenger(
            to: "hub", options: ConnectOptions(metadata: ["as": id]))
    }

    /// Waits until a process says this.
    private func wait(_ process: TalkingProcess, for line: String) async throws {
        while let said = await process.line() { if said == line { return } }
        throw Unexpected()
    }

    @Test("When the hub is killed, everything under way at each of its peers ends with that reason")
    func hubIsKilled() async throws {
        try await withPeer("hub", "hub") { hub in
            try await wait(hub, for: "listening")
            let (a, b, c) = (try await connect(as: "a"), try await connect(as: "b"), try await connect(as: "c"))
            let asked = Gate()
            c.onRequest("hang") { _, _ in
                await asked.open()
                try await Task.sleep(for: .seconds(100))
                return nil
            }
            async let request = expectError(.lineEnded) { try await a.request("hang", within: nil) }
            try await wait(hub, for: "asked")
            async let stream = expectError(.lineEnded) { for try await _ in try b.stream("tick") {} }
            try await wait(hub, for: "asked")
            async let relayed = expectError(.lineEnded) { try await a.request("hang", to: "c", within: nil) }
            await asked.wait()
            hub.kill()
            for error in await [request, stream, relayed] { #expect(error?.reason?.code == .peerExited) }
        }
    }

    @Test("A peer that is killed while another asks it through the hub ends that request, and the hub goes on")
    func partnerIsKilled() async throws {
        try await withPeer("hub", "hub") { hub in
            try await wait(hub, for: "listening")
            let a = try await connect(as: "a")
            try await withPeer("spokes", "hub", 1, 1) { spoke in
                try await wait(spoke, for: "connected")
                #expect(try await a.request(Self.who, to: "spoke 1") == "spoke 1")
                async let failure = expectError(.lineEnded) { try await a.request("hang", to: "spoke 1", within: nil) }
                try await wait(spoke, for: "asked")
                spoke.kill()
                // The line to the hub is well: the reason of the other one stands in the message.
                #expect(await failure?.reason == nil)
                #expect(await failure?.message.contains("peer-exited") == true)
                try await wait(hub, for: "disconnected spoke 1: peer-exited")
            }
            await expectError(.unknownPeer) { try await a.request(Self.who, to: "spoke 1") }
        }
    }

    @Test("Peers that a hub has introduced go on when the hub is killed, and each other's end is theirs alone")
    func introducedOutlivesHub() async throws {
        try await withPeer("hub", "hub") { hub in
            try await wait(hub, for: "listening")
            let a = try await connect(as: "a")
            try await withPeer("spokes", "hub", 1, 1) { spoke in
                try await wait(spoke, for: "connected")
                let direct = try await a.introduce(to: "spoke 1")
                hub.kill()
                await expectError(.lineEnded) { try await a.request("hang", within: nil) }
                #expect(try await direct.request(Self.who) == "spoke 1")
                async let failure = expectError(.lineEnded) { try await direct.request("hang", within: nil) }
                try await wait(spoke, for: "asked")
                spoke.kill()
                #expect(await failure?.reason?.code == .peerExited)
            }
        }
    }

    @Test("A program follows a hub that is killed and started again, with the same handlers, and sends nothing twice")
    func reconnecting() async throws {
        let bus = try await Bus.at(PrivateBus.current.address)
        let handlers = Handlers()
        handlers.on(Self.who) { _, _ in "a" }
        let options = ConnectOptions(metadata: ["as": "a"])
        var messengers = bus.messengers(to: "hub", options: options, handlers: handlers).makeAsyncIterator()
        for _ in 1...2 {
            try await withPeer("hub", "hub") { hub in
                try await wait(hub, for: "listening")
                let messenger = try #require(try await messengers.next())
                try await wait(hub, for: "connected a")
                #expect(try await messenger.request(Self.who, to: "a") == "a")
                async let failure = expectError(.lineEnded) { try await messenger.request("hang", within: nil) }
                try await wait(hub, for: "asked")
                hub.kill()
                #expect(await failure?.reason?.code == .peerExited)
                #expect(await failure?.stage == .sent)
            }
        }
        // The third finds nothing that the second was asked.
        try await withPeer("hub", "hub") { hub in
            try await wait(hub, for: "listening")
            let messenger = try #require(try await messengers.next())
            #expect(try await messenger.request(Self.who, to: "a") == "a")
        }
    }
}
