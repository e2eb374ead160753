import ConnectToTesting
import Glibc
import TestProcesses
import Testing

@testable import ConnectTo

/// `CONNECTTO_FLOOD_SECONDS` makes the floods longer: `make flood` gives each a minute.
private let floodSeconds = getenv("CONNECTTO_FLOOD_SECONDS").flatMap { Int(String(cString: $0)) } ?? 5

@Suite("Floods of introductions", .serialized, .timeLimit(.minutes(5)))
struct FloodTests {
    @Test("from another user", .enabled(if: isRoot, "needs root, for a second user"))
    func fromAnotherUser() async throws { try await flood(as: nobody, isDeaf: false) }

    @Test("from the same user, by another program")
    func fromTheSameUser() async throws { try await flood(as: nil, isDeaf: false) }

    /// An honest caller's introductions before and during a flood, with a listener in a process of its own.
    private func flood(as uid: UInt32?, isDeaf: Bool) async throws {
        try await withOpenBus { bus in
            try await withPeer("echo", "x", on: bus.address) { listener in
                #expect(await listener.line() == "listening")
                let here = try await Bus.separate(at: bus.address)
                _ = try await times(of: 200, from: here)
                let usual = try await times(of: 500, from: here)
                let before = try listener.facts()
                var flooded: [Duration] = []
                try await withPeer("flood", "x", floodSeconds, isDeaf ? 1 : 0, on: bus.address, as: uid) {
                    enemy in
                    #expect(await enemy.line() == "flooding")
                    let end = ContinuousClock.now + .seconds(floodSeconds)
                    var peak = 0
                    while ContinuousClock.now < end {
                        flooded += try await times(of: 10, from: here)
                        // An honest caller has other things to do too.
                        try await Task.sleep(for: .milliseconds(40))
                        peak = max(peak, try listener.facts().descriptors)
                    }
                    let said = await enemy.line()
                    let after = try listener.facts()
                    print(
                        """
                        flood of \(floodSeconds) s\(isDeaf ? " without replies" : "") as \(uid.map(String.init) ?? "the same user"): \(said ?? "?"); \
                        an introduction takes \(usual.median) alone, \(flooded.median) in the flood \
                        (\(flooded.count) of them, nine of ten under \(flooded.ninth)); \
                        listener before: \(before); after: \(after); at most \(peak) descriptors
                        """)
                    #expect(flooded.median < usual.median * 3)
                    #expect(peak < before.descriptors + 5_000)
                    #expect(isSanitized || after.peak - before.peak < 128 << 10)
                }
                // With the enemy all that it held here goes.
                while try listener.facts().descriptors > before.descriptors + 10 { await Task.yield() }
            }
        }
    }

    /// From the call to the first answer.
    private func times(of count: Int, from bus: Bus) async throws -> [Duration] {
        var times: [Duration] = []
        for _ in 0..<count {
            let (_, took) = try await timed {
                let port = bus.connectTo("x")
                try port.postMessage("hello")
                #expect(try await port.nextText() == "hello")
                port.close()
            }
            times.append(took)
        }
        return times
    }
}

extension [Duration] {
    fileprivate var median: Duration { sorted()[count / 2] }
    fileprivate var ninth: Duration { sorted()[count * 9 / 10] }
}
