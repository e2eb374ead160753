import ConnectTo
import ConnectToMessaging
import ConnectToTestSupport
import Synchronization
import Testing

/// A hub, and spokes with these ids, each on a pair of sockets.
func makeHub(
    spokes ids: [String], options: MessengerOptions = MessengerOptions()
) throws -> (hub: Hub, spokes: [String: Messenger]) {
    let hub = Hub(options: options)
    var spokes: [String: Messenger] = [:]
    for id in ids {
        let (mine, theirs) = try MessageChannel.makePair()
        try hub.adopt(mine, as: id)
        spokes[id] = Messenger(theirs)
    }
    return (hub, spokes)
}

@Suite("Hubs", .timeLimit(.minutes(1)))
struct HubTests {
    private static let whoAmI = Request<NoPayload, String>("who-am-i")

    @Test("A hub knows each peer by its id, and handlers know which peer asks")
    func ids() async throws {
        let (hub, spokes) = try makeHub(spokes: ["a", "b"])
        hub.on(Self.whoAmI) { _, call in call.peerID ?? "nobody" }
        #expect(hub.peers.map(\.id) == ["a", "b"])
        for (id, spoke) in spokes { #expect(try await spoke.request(Self.whoAmI) == id) }
    }

    @Test("A hub asks and tells one peer by its id, and has no messenger for an id that it does not know")
    func onePeer() async throws {
        let (hub, spokes) = try makeHub(spokes: ["a", "b"])
        for (id, spoke) in spokes { spoke.on(Self.whoAmI) { _, _ in id } }
        #expect(try await hub["b"]?.request(Self.whoAmI) == "b")
        #expect(hub["c"] == nil)
    }

    @Test("An id that is taken is refused, and the port stays the program's")
    func takenID() async throws {
        let (hub, spokes) = try makeHub(spokes: ["a"])
        let (mine, theirs) = try MessageChannel.makePair()
        #expect { try hub.adopt(mine, as: "a") } throws: { HubError.Code.idTaken ~= $0 }
        try hub.adopt(mine, as: "b")
        hub.on(Self.whoAmI) { _, call in call.peerID ?? "nobody" }
        #expect(try await Messenger(theirs).request(Self.whoAmI) == "b")
        withExtendedLifetime(spokes) {}
    }

    @Test("The changes begin with the peers that are there, and each end is told once with its reason")
    func changes() async throws {
        let (hub, spokes) = try makeHub(spokes: ["a", "b"])
        var changes = hub.changes.makeAsyncIterator()
        let (mine, theirs) = try MessageChannel.makePair()
        try hub.adopt(mine, as: "c")
        for id in ["a", "b", "c"] {
            let change = await changes.next()
            #expect(change == hub.peers.first { $0.id == id }.map { .connected($0) })
        }
        spokes["a"]?.close()
        guard case .disconnected(let gone, let reason)? = await changes.next() else { throw Unexpected() }
        #expect(gone.id == "a" && reason.code == .closed)
        // A plain port breaks the protocol with its first message.
        try theirs.postMessage("hello?")
        guard case .disconnected(let broken, let fault)? = await changes.next() else { throw Unexpected() }
        #expect(broken.id == "c" && fault.code == .protocolError)
        #expect(hub.disconnect("b"))
        guard case .disconnected(let sent, _)? = await changes.next() else { throw Unexpected() }
        #expect(sent.id == "b")
        #expect(hub.peers.isEmpty)
        hub.close()
        #expect(await changes.next() == nil)
    }

    @Test("A peer is gone from the hub before a request to it ends")
    func goneFirst() async throws {
        let (hub, spokes) = try makeHub(spokes: ["a"])
        let started = Gate()
        spokes["a"]?.on(Sample.wait) { _, _ in
            await started.open()
            try await Task.sleep(for: .seconds(100))
            return NoPayload()
        }
        let asking = Task(executorPreference: InPlace()) {
            await expectError(.lineEnded) { try await hub["a"]?.request(Sample.wait) }
            return hub.peers
        }
        await started.wait()
        spokes["a"]?.close()
        #expect(await asking.value.isEmpty)
    }

    @Test("A hub that is dropped ends its lines and the loops over its changes")
    func droppedHub() async throws {
        var (hub, spokes): (Hub?, [String: Messenger]) = try makeHub(spokes: ["a"])
        var changes = hub?.changes.makeAsyncIterator()
        hub = nil
        await expectError(.lineEnded) { try await spokes["a"]?.request(Self.whoAmI) }
        var count = 0
        while await changes?.next() != nil { count += 1 }
        #expect(count == 2)
        #expect(hub == nil)
    }

    @Test("A peer that is sent away with an explanation finds it in the reason of its line")
    func explained() async throws {
        let (hub, spokes) = try makeHub(spokes: ["a"])
        hub.on(Self.whoAmI) { _, call in call.peerID ?? "nobody" }
        #expect(try await spokes["a"]?.request(Self.whoAmI) == "a")
        #expect(hub.disconnect("a", because: "the window was closed"))
        #expect(!hub.disconnect("a"))
        let error = await expectError(.lineEnded) { try await spokes["a"]?.request(Sample.wait, within: nil) }
        #expect(error?.reason == CloseReason(.refused, detail: "the window was closed"))
    }
}

struct Unexpected: Error {}

/// Runs each job at once, on the thread that resumes its task: what the task sees is what there is at that moment.
private final class InPlace: TaskExecutor {
    func enqueue(_ job: consuming ExecutorJob) {
        job.runSynchronously(on: asUnownedTaskExecutor())
    }
}
