import ConnectTo
import ConnectToMessaging
import ConnectToTestSupport
import ConnectToTesting
import Testing

@Suite("A ring of processes that call each other", .privateBus, .timeLimit(.minutes(1)))
struct RingTests {
    @Test("Four programs whose handlers call the next one round and round do not stand still", arguments: [1, 64])
    func ring(places: Int) async throws {
        let bus = try await Bus.at(PrivateBus.current.address)
        try await withPeers("ring", "ring", 4, places) { peers in
            for peer in peers { #expect(await peer.line() == "joined") }
            var options = MessengerOptions()
            options.places = places
            let entrances = try await [1, 3].asyncMap { number in
                try await bus.messenger(to: "ring\(number)", messengerOptions: options)
            }
            try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        try await entrances[number % 2].request(Request<Int, Int>("pass"), 11, within: .seconds(40))
                    }
                }
                // Three times round, and back.
                for try await passes in group { #expect(passes == 11) }
            }
        }
        await bus.close()
    }
}

extension Sequence {
    fileprivate func asyncMap<Result>(_ make: (Element) async throws -> Result) async rethrows -> [Result] {
        var results: [Result] = []
        for element in self { results.append(try await make(element)) }
        return results
    }
}
