import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectTo

/// `CONNECTTO_FLOOD_SECONDS` makes the floods longer: `make flood` gives each a minute.
private let floodSeconds = getenv("CONNECTTO_FLOOD_SECONDS").flatMap { Int(String(cString: $0)) } ?? 5

@Suite("Floods of introductions", .serialized, .chosenExecutor, .timeLimit(.minutes(10)))
struct FloodTests {
    @Test(
        "A flood of introductions from another user leaves honest callers served",
        .enabled(if: isRoot, "needs root, for a second user"))
    func floodFromAnotherUser() async throws { try await flood(as: nobody) }

    @Test("A flood of introductions from another program of the same user leaves honest callers served")
    func floodFromSameUser() async throws { try await flood(as: nil) }

    @Test(
        "A flood of introductions that wait for no answer, from another user, leaves honest callers served",
        .enabled(if: isRoot, "needs root, for a second user"))
    func deafFloodFromAnotherUser() async throws { try await deafFlood(as: nobody) }

    @Test("A flood of introductions that wait for no answer, from the same user, leaves honest callers served")
    func deafFloodFromSameUser() async throws { try await deafFlood(as: nil) }

    /// An honest caller needs at most three times as long as without the flood.
    private func flood(as uid: UInt32?) async throws {
        let wasQuiet = try await machineIsQuiet()
        try await withListener { listener, caller, _ in
            let usual = try await times(of: 500, from: caller)
            let flooded = try await times(
                from: caller, to: listener, whileFlooding: "x", as: uid, isDeaf: false)
            print("an introduction takes \(usual.median) alone, \(flooded.median) in the flood")
            guard wasQuiet, !isSanitized, try await machineIsQuiet() else { return }
            #expect(flooded.median < usual.median * 3)
        }
    }

    /// Calls that wait for nothing come as fast as the bus carries them, and keep the bus itself from others. So what
    /// an honest caller needs is held against what it needs while the flood goes to somebody else.
    private func deafFlood(as uid: UInt32?) async throws {
        let wasQuiet = try await machineIsQuiet()
        let isBroker = BusProgram.chosen == .broker
        try await withListener(limits: isBroker ? Self.brokerLimits : [:]) { listener, caller, bus in
            try await withPeer("echo", "y", on: bus) { other in
                #expect(await other.line() == "listening")
                let beside = try await times(
                    from: caller, to: listener, whileFlooding: "y", as: uid, isDeaf: true)
                let wasQuietBetween = try await machineIsQuiet()
                let flooded = try await times(
                    from: caller, to: listener, whileFlooding: "x", as: uid, isDeaf: true)
                print("an introduction takes \(beside.median) beside the flood, \(flooded.median) in it")
                // dbus-broker is quicker than a listener: there a call waits behind all that is queued for this one.
                guard wasQuiet, wasQuietBetween, !isBroker, !isSanitized, try await machineIsQuiet() else { return }
                #expect(flooded.median < beside.median * 3)
            }
        }
    }

    /// With the stock session bus's limits, which bound nothing, dbus-broker takes what comes until it has no
    /// descriptor left, and exits.
    private static let brokerLimits = [
        "max_incoming_unix_fds": 64, "max_outgoing_unix_fds": 64, "max_connections_per_user": 64,
    ]

    /// A listener at "x", in a process of its own, and an honest caller.
    private func withListener(
        limits: [String: Int] = [:], _ body: (TalkingProcess, Bus, String) async throws -> Void
    ) async throws {
        try await withOpenBus(limits: limits) { bus in
            try await withPeer("echo", "x", on: bus.address) { listener in
                #expect(await listener.line() == "listening")
                let caller = try await Bus.makeSeparate(at: bus.address)
                _ = try await times(of: 200, from: caller)
                try await body(listener, caller, bus.address)
            }
        }
    }

    /// How long an honest caller's introductions to "x" take during a flood; and the listener holds no more than it
    /// may.
    private func times(
        from caller: Bus, to listener: TalkingProcess, whileFlooding name: String, as uid: UInt32?,
        isDeaf: Bool
    ) async throws -> [Duration] {
        let before = try listener.facts()
        var times: [Duration] = []
        try await withPeer("flood", name, floodSeconds, isDeaf ? 1 : 0, on: caller.address, as: uid) {
            enemy in
            #expect(await enemy.line() == "flooding")
            let end = ContinuousClock.now + .seconds(floodSeconds)
            var peak = 0
            while ContinuousClock.now < end {
                times += try await self.times(of: 10, from: caller, inDeafFlood: isDeaf)
                // An honest caller has other things to do too.
                try await Task.sleep(for: .milliseconds(40))
                peak = max(peak, try listener.facts().descriptors)
            }
            let said = await enemy.line()
            let after = try listener.facts()
            print(
                """
                flood of \(name) for \(floodSeconds) s as \(uid.map(String.init) ?? "the same user"): \(said ?? "?"); \
                nine of ten of \(times.count) introductions under \(times.ninth); \
                listener before: \(before); after: \(after); at most \(peak) descriptors
                """)
            // A user's ports, and what waits to be closed: at most half of what may be open.
            #expect(peak < before.descriptors + 4_096 + sysconf(Int32(_SC_OPEN_MAX)) / 2)
            #expect(isSanitized || after.peak - before.peak < 128 << 10)
        }
        // With the enemy all that it held here goes.
        while try listener.facts().descriptors > before.descriptors + 10, !Task.isCancelled { await Task.yield() }
        try #require(!times.isEmpty)
        return times
    }

    /// From the call to the first answer; as many as the bus lets through.
    private func times(
        of count: Int, from bus: Bus, inDeafFlood isDeaf: Bool = false
    ) async throws -> [Duration] {
        var times: [Duration] = []
        for _ in 0..<count {
            do {
                let (_, took) = try await timed {
                    let port = bus.connectTo("x")
                    try port.postMessage("hello")
                    #expect(try await port.nextText() == "hello")
                    port.close()
                }
                times.append(took)
            } catch let error as PortError where isDeaf && error.reason?.code == .busLost {
                // Out of descriptors, the bus cuts whoever sends one: SECURITY.md, "Not promised". The next call waits
                // until it is back.
                print("the bus has cut an honest caller's connection")
            }
        }
        return times
    }
}

extension [Duration] {
    fileprivate var median: Duration { sorted()[count / 2] }
    fileprivate var ninth: Duration { sorted()[count * 9 / 10] }
}
