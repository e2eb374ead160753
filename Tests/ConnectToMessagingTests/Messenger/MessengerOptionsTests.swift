import ConnectTo
import ConnectToMessaging
import Testing

@Suite("Options of a messenger", .timeLimit(.minutes(1)))
struct MessengerOptionsTests {
    @Test(
        "Places and windows outside of what the protocol allows count as the nearest inside",
        arguments: [Int.min, -1, 0, 1, 1 << 31, Int.max])
    func nearestAllowed(number: Int) async throws {
        var options = MessengerOptions()
        options.places = number
        options.window = number
        let (a, b) = try MessageChannel.makePair()
        let (caller, callee) = (Messenger(a, options: options), Messenger(b, options: options))
        callee.on(Sample.add) { pair, _ in pair.a + pair.b }
        caller.on(Sample.add) { pair, _ in pair.a * pair.b }
        #expect(try await caller.request(Sample.add, Sample.Pair(a: 2, b: 3)) == 5)
        #expect(try await callee.request(Sample.add, Sample.Pair(a: 2, b: 3)) == 6)
    }
}
