import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectTo

extension Tag {
    /// Takes seconds because it has to.
    @Tag static var slow: Tag
}

@Suite("The cost of connecting in the long run", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct FlatnessTests {
    @Test(
        "A thousand connects in a row leave descriptors, threads and memory of both sides as they were",
        .disabled(if: isThreadSanitized, "the sanitizer's thread never settles"))
    func thousandConnectsLeaveNothing() async throws {
        try await withPeer("echo", "x") { listener in
            #expect(await listener.line() == "listening")
            try await withPeer("repeat", "x", 1_000) { caller in
                // The first thousand warms up: pools, caches, the allocator.
                #expect(await caller.line() == "done")
                let before = (caller: try await settled(caller), listener: try await settled(listener))
                try await caller.type()
                #expect(await caller.line() == "done")
                let after = (caller: try await settled(caller), listener: try await settled(listener))
                print("1,000 connects: caller \(before.caller) → \(after.caller)")
                print("1,000 connects: listener \(before.listener) → \(after.listener)")
                for (before, after) in [(before.caller, after.caller), (before.listener, after.listener)] {
                    #expect(after.descriptors <= before.descriptors)
                    #expect(after.threads <= before.threads + 1)
                    // A leak of a line would be more than a KiB each.
                    #expect(isSanitized || after.resident <= before.resident + 512)
                }
            }
        }
    }

    @Test(
        "A listener with a line and a name does not wake in ten seconds", .tags(.slow),
        .disabled(if: isThreadSanitized, "the sanitizer's thread wakes"))
    func idleListenerDoesNotWake() async throws {
        let bus = try await Bus.onPrivateBus()
        try await withPeer("echo", "x") { listener in
            #expect(await listener.line() == "listening")
            let port = bus.connectTo("x")
            try port.postMessage("a line that stays open")
            #expect(try await port.nextText() != nil)
            let before = try await settled(listener)
            try await Task.sleep(for: .seconds(10))
            let after = try listener.facts()
            print("ten idle seconds: \(before) → \(after)")
            #expect(after.contextSwitches == before.contextSwitches)
            // It can: one message is seen.
            try port.postMessage("awake?")
            #expect(try await port.nextText() == "awake?")
            // It answers before it sleeps again, which is what is counted.
            while try listener.facts().contextSwitches == after.contextSwitches, !Task.isCancelled {
                await Task.yield()
            }
        }
    }

    /// The facts once nothing that was begun goes on: worker threads go to sleep, and some end after a while.
    private func settled(_ peer: TalkingProcess) async throws -> ProcessFacts {
        var last = try peer.facts()
        var quiet = 0
        while quiet < 20 {
            try await Task.sleep(for: .milliseconds(50))
            let now = try peer.facts()
            quiet = now.contextSwitches == last.contextSwitches ? quiet + 1 : 0
            last = now
        }
        return last
    }
}
