import ConnectTo
import Testing

@testable import ConnectToMessaging

@Suite("Hello", .timeLimit(.minutes(1)))
struct HelloTests {
    @Test("A request that is made before its line has started goes out behind hello")
    func requestBeforeTheStart() async throws {
        let (a, b) = try MessageChannel.makePair()
        let callee = Messenger(b)
        callee.on(Sample.add) { pair, _ in pair.a + pair.b }
        // As a hub has it, whose peers can be found before their lines have started.
        let caller = Messenger(
            a, peer: nil, peerID: "spoke", handlers: Handlers(), options: MessengerOptions())
        let asking = Task.immediate { try await caller.request(Sample.add, Sample.Pair(a: 1, b: 2)) }
        caller.line.start()
        #expect(try await asking.value == 3)
    }
}
