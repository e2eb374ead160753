import ConnectTo
import ConnectToMessaging
import ConnectToTestSupport
import Synchronization
import Testing

@Suite("Broadcasts of a hub", .timeLimit(.minutes(1)))
struct BroadcastTests {
    @Test("A broadcast reaches all peers in order, except the one that is left out")
    func broadcast() async throws {
        let (hub, spokes) = try makeHub(spokes: ["a", "b", "c"])
        let heard = Mutex<[String: [String]]>([:])
        for (id, spoke) in spokes {
            spoke.on(Sample.news) { text, _ in heard.withLock { $0[id, default: []].append(text) } }
        }
        for number in 0..<100 {
            #expect(try hub.broadcast(Sample.news, "\(number)", except: number == 50 ? "b" : nil).isEmpty)
        }
        for id in ["a", "b", "c"] { try await hub[id]?.barrier() }
        let all = (0..<100).map(String.init)
        #expect(heard.withLock { $0 } == ["a": all, "b": all.filter { $0 != "50" }, "c": all])
    }

    @Test("A handler passes an event on to all other peers in one line, and they see who has sent it")
    func passingOn() async throws {
        let (hub, spokes) = try makeHub(spokes: ["a", "b"])
        hub.onUnknown { [weak hub] type, payload, context in
            _ = try? hub?.broadcast(type, .forwarding(payload), from: context.peerID, except: context.peerID)
        }
        let heard = Mutex<[String]>([])
        for (id, spoke) in spokes {
            spoke.on(Sample.news) { text, context in
                heard.withLock { $0.append("\(id) hears \(text) of \(context.sender ?? "the hub")") }
            }
        }
        try spokes["a"]?.post(Sample.news, "it rains")
        try await spokes["a"]?.barrier()
        try await hub["b"]?.barrier()
        #expect(heard.withLock { $0 } == ["b hears it rains of a"])
    }

    @Test("A peer that takes nothing is named by the broadcast, and all others get every event")
    func deafPeer() async throws {
        let hub = Hub()
        let (mine, deaf) = try MessageChannel.makePair()
        try hub.adopt(mine, as: "deaf")
        let (other, theirs) = try MessageChannel.makePair()
        try hub.adopt(other, as: "well")
        let well = Messenger(theirs)
        let count = Mutex(0)
        well.on(Event<[UInt8]>("bulk")) { _, _ in count.withLock { $0 += 1 } }
        let quarter = [UInt8](repeating: 7, count: 256 << 10)
        var posted = 0
        var skipped: [Hub.Skipped] = []
        while skipped.isEmpty {
            skipped = try hub.broadcast(Event<[UInt8]>("bulk"), quarter)
            posted += 1
            // Without this the peer that is well would be too slow as well.
            try await hub["well"]?.barrier()
        }
        #expect(skipped.map(\.peer.id) == ["deaf"])
        #expect(skipped.first?.error.code == .queueFull)
        #expect(posted >= 64)
        #expect(count.withLock(\.self) == posted)
        #expect(hub.peers.map(\.id) == ["deaf", "well"])
        deaf.close()
    }

    @Test("A broadcast that would transfer something is refused before anything is sent")
    func noTransfers() async throws {
        let (hub, spokes) = try makeHub(spokes: ["a"])
        let (port, far) = try MessageChannel.makePair()
        await expectError(.notEncodable) { try hub.broadcast("news", .text("x", transfer: [.port(port)])) }
        await expectError(.notEncodable) { try hub.gather("news", .text("x", transfer: [.port(port)])) }
        #expect(port.closeReason == nil)
        withExtendedLifetime((spokes, far)) {}
    }
}
