import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectTo

@Suite("A peer that is killed", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct KillTests {
    @Test("A listener that was killed before the introduction has no name: a caller that waits waits for the next")
    func killedBeforeIntroduction() async throws {
        try await expectNoDescriptorLeak {
            let bus = try await Bus.onPrivateBus()
            try await expectPromptly {
                try await withPeer("echo", "victim") { peer in
                    #expect(await peer.line() == "listening")
                    let changes = try await bus.changes()
                    peer.kill()
                    var events = changes.makeAsyncIterator()
                    #expect(try await events.next()?.kind == .unregistered)
                    let (reason, took) = try await timed {
                        try await bus.connectTo("victim", options: .init(wait: .now)).waitUntilClosed()
                    }
                    #expect(reason.code == .unavailable)
                    return took
                }
            }
            await bus.close()
        }
    }

    @Test("A listener that is killed in the moment of the call has exited or is unavailable, within a second")
    func killedAtTheCall() async throws {
        try await expectNoDescriptorLeak {
            let bus = try await Bus.onPrivateBus()
            for _ in 0..<5 {
                try await expectPromptly {
                    try await withPeer("echo", "victim") { peer in
                        #expect(await peer.line() == "listening")
                        peer.kill()
                        let (reason, took) = try await timed {
                            let port = bus.connectTo("victim", options: .init(wait: .now))
                            try port.postMessage("anybody?")
                            return try await port.waitUntilClosed()
                        }
                        #expect([.peerExited, .unavailable].contains(reason.code))
                        return took
                    }
                }
            }
            await bus.close()
        }
    }

    @Test(
        "A listener that is killed during the introduction has exited",
        arguments: [WaitPolicy.now, .untilAvailable(for: .seconds(60))])
    func killedDuringIntroduction(policy: WaitPolicy) async throws {
        try await expectNoDescriptorLeak {
            let bus = try await Bus.onPrivateBus()
            try await expectPromptly {
                try await withPeer("silent", "victim") { peer in
                    #expect(await peer.line() == "listening")
                    let port = bus.connectTo("victim", options: .init(wait: policy))
                    try port.postMessage("are you there?")
                    #expect(await peer.line() == "called")
                    peer.kill()
                    let (reason, took) = try await timed { try await port.waitUntilClosed() }
                    #expect(reason.code == .peerExited)
                    return took
                }
            }
            await bus.close()
        }
    }

    @Test("A listener that is killed after the introduction has exited, and what it had sent is delivered")
    func killedAfterIntroduction() async throws {
        try await expectNoDescriptorLeak {
            let bus = try await Bus.onPrivateBus()
            try await expectPromptly {
                try await withPeer("echo", "victim") { peer in
                    #expect(await peer.line() == "listening")
                    let port = bus.connectTo("victim")
                    try port.postMessage("last words")
                    #expect(try await port.nextText() == "last words")
                    peer.kill()
                    let (reason, took) = try await timed { try await port.waitUntilClosed() }
                    #expect(reason.code == .peerExited)
                    let error = await #expect(throws: PortError.self) { try await port.nextText() }
                    #expect(error?.reason?.code == .peerExited)
                    return took
                }
            }
            await bus.close()
        }
    }

    @Test("A caller that is killed when it is connected has exited")
    func killedConnectedCaller() async throws {
        try await expectNoDescriptorLeak {
            let bus = try await Bus.onPrivateBus()
            let context = try await bus.register("survivor")
            try await expectPromptly {
                try await withPeer("call", "survivor") { peer in
                    let event = try #require(await context.nextConnect())
                    #expect(event.peer.pid == peer.processID)
                    // The kernel keeps 15 bytes of a process's name.
                    #expect(event.peer.processName == "ConnectToTestPe")
                    #expect(try await event.source.nextText() == "hello")
                    peer.kill()
                    let (reason, took) = try await timed { try await event.source.waitUntilClosed() }
                    #expect(reason.code == .peerExited)
                    return took
                }
            }
            await bus.close()
        }
    }

    @Test("A caller that is killed during its introduction leaves nothing behind, and the next is served")
    func killedCallerDuringIntroduction() async throws {
        try await expectNoDescriptorLeak {
            let bus = try await Bus.onPrivateBus()
            let context = try await bus.register("survivor")
            for _ in 0..<5 {
                try await withPeer("call", "survivor") { peer in
                    #expect(await peer.line() == "connecting")
                    peer.kill()
                }
            }
            let port = bus.connectTo("survivor", options: .init(metadata: ["who": "last"]))
            for try await event in context.connectEvents {
                if event.metadata["who"] == "last" { break }
                #expect(try await event.source.waitUntilClosed().code == .peerExited)
            }
            try await port.waitUntilOpen()
            await bus.close()
        }
    }

    @Test("Callers that were killed leave no descriptor in the listener")
    func killedCallersLeaveNoDescriptors() async throws {
        let bus = try await Bus.onPrivateBus()
        try await withPeer("echo", "x") { listener in
            #expect(await listener.line() == "listening")
            let warmUp = bus.connectTo("x")
            try warmUp.postMessage("warm")
            #expect(try await warmUp.nextText() == "warm")
            let before = try listener.facts().descriptors
            for _ in 0..<3 {
                try await withPeer("call", "x") { caller in
                    #expect(await caller.line() == "connecting")
                    #expect(await caller.line() == "open")
                    caller.kill()
                    // The listener says so when it has noticed.
                    #expect(await listener.line() == "a port ended: peer-exited")
                }
            }
            try warmUp.postMessage("still warm")
            #expect(try await warmUp.nextText() == "still warm")
            // What callers have sent is closed by a thread of its own, which may wait for a core.
            while try listener.facts().descriptors > before, !Task.isCancelled { await Task.yield() }
            #expect(try listener.facts().descriptors <= before)
        }
    }
}
