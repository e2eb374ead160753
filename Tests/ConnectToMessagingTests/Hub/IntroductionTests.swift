import ConnectTo
import ConnectToTestSupport
import Synchronization
import Testing

@testable import ConnectToMessaging

@Suite("Introductions by a hub", .timeLimit(.minutes(1)))
struct IntroductionTests {
    private static let whoAsks = Request<NoPayload, String>("who-asks")

    @Test("Two peers get a line of their own, know each other's ids, and go on when the hub has ended")
    func introduction() async throws {
        let (hub, spokes) = try makeHub(spokes: ["a", "b"])
        hub.allowIntroductions { from, to in from.id == "a" && to.id == "b" }
        let direct = Mutex<Messenger?>(nil)
        spokes["b"]?.onIntroduction { id, messenger in
            #expect(id == "a")
            direct.withLock { $0 = messenger }
        }
        for (id, spoke) in spokes { spoke.on(Self.whoAsks) { _, call in "\(call.peerID ?? "nobody") asks \(id)" } }
        let b = try #require(try await spokes["a"]?.introduce(to: "b"))
        hub.close()
        #expect(try await b.request(Self.whoAsks) == "a asks b")
        // Out of what the handler holds: the messenger has that handler too.
        let kept = direct.withLock { $0.take() }
        let a = try #require(kept)
        #expect(try await a.request(Self.whoAsks) == "b asks a")
        b.close()
        await expectError(.lineEnded) { try await a.request(Self.whoAsks) }
    }

    @Test("An introduction is refused where the hub or the other peer does not agree, and both go on")
    func refusals() async throws {
        let (hub, spokes) = try makeHub(spokes: ["a", "b"])
        let a = try #require(spokes["a"])
        await expectError(.refused) { try await a.introduce(to: "b") }
        hub.allowIntroductions { _, _ in true }
        await expectError(.unknownPeer) { try await a.introduce(to: "c") }
        let mute = await expectError(.refused) { try await a.introduce(to: "b") }
        #expect(mute?.message == "the peer \"b\" takes no introductions")
        let seen = Mutex<Messenger?>(nil)
        spokes["b"]?.onIntroduction { _, messenger in
            seen.withLock { $0 = messenger }
            throw CallFailure(.refused, "not today")
        }
        #expect(await expectError(.refused) { try await a.introduce(to: "b") }?.message == "not today")
        // The other end of the line is gone with the refusal.
        let refused = seen.withLock { $0.take() }
        await expectError(.lineEnded) { try await refused?.request(Self.whoAsks) }
        await expectError(.unknownType) { try await hub["b"]?.introduce(to: "a") }
        #expect(a.closeReason == nil)
        #expect(spokes["b"]?.closeReason == nil)
    }

    @Test("An introduction takes the remaining time along to the other peer")
    func remainingTime() async throws {
        let (hub, spokes) = try makeHub(spokes: ["a", "b"])
        hub.allowIntroductions { _, _ in true }
        let remaining = Mutex<Duration?>(nil)
        spokes["b"]?.onIntroduction { _, _ in
            remaining.withLock { $0 = CallContext.current?.remainingTime }
            throw CallFailure(.refused, "not today")
        }
        await expectError(.refused) { try await spokes["a"]?.introduce(to: "b", within: .seconds(50)) }
        let left = remaining.withLock(\.self) ?? .zero
        #expect(left > .seconds(10) && left <= .seconds(51))
        withExtendedLifetime(hub) {}
    }

    @Test("An introduction takes no longer than the peer that asks has time, and leaves no line behind")
    func deadline() async throws {
        let (hub, spokes) = try makeHub(spokes: ["a", "b"])
        hub.allowIntroductions { _, _ in true }
        let seen = Mutex<Messenger?>(nil)
        let cancelled = Gate()
        spokes["b"]?.onIntroduction { _, messenger in
            seen.withLock { $0 = messenger }
            try? await Task.sleep(for: .seconds(100))
            if Task.isCancelled { await cancelled.open() }
        }
        await expectError(.timedOut) { try await spokes["a"]?.introduce(to: "b", within: .milliseconds(200)) }
        await cancelled.wait()
        let late = seen.withLock { $0.take() }
        await expectError(.lineEnded) { try await late?.request(Self.whoAsks) }
        withExtendedLifetime(hub) {}
    }
}
