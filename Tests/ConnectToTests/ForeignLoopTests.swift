import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Synchronization
import Testing

@testable import ConnectTo

@Suite("A bus on a foreign loop", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct ForeignLoopTests {
    @Test("On a foreign loop, buses, introductions and lines work in both directions, and leave nothing behind")
    func foreignLoopServesBothSides() async throws {
        let main = try MainLoop()
        try await expectNoDescriptorLeak {
            let address = try PrivateBus.current.address
            let away = try await Bus.onPrivateBus()
            let here = try await Bus.makeSeparate(at: address, on: main.loop)

            // Called from elsewhere.
            let context = try await here.register("here")
            let caller = away.connectTo("here")
            try caller.postMessage("hello")
            let event = try #require(await context.nextConnect())
            #expect(try await event.source.nextText() == "hello")
            try event.source.postMessage("welcome")
            #expect(try await caller.nextText() == "welcome")

            // Calling somebody who comes later.
            let port = here.connectTo("away")
            try port.postMessage("early")
            let other = try await away.register("away")
            let call = try #require(await other.nextConnect())
            try await port.waitUntilOpen()
            #expect(try await call.source.nextText() == "early")
            try call.source.postMessage("answer")
            #expect(try await port.nextText() == "answer")

            // Seen and gone.
            #expect(Set(try await here.directory().map(\.name)) == ["here", "away"])
            await context.unregister()
            #expect(try await away.directory().map(\.name) == ["away"])
            for port in [caller, event.source, port, call.source] { port.close() }
            await here.close()
            await away.close()
            await main.catchUp()
        }
        await main.stop()
    }
}

/// A main loop that is not ours: a thread that polls and calls.
private final class MainLoop: Sendable {
    let loop: EventLoop
    private let isOver = Atomic(false)

    init() throws {
        loop = try EventLoop.makeDrivenByForeignLoop()
        try startDetachedThread(named: "main-loop") { [self] in
            var entry = pollfd(fd: loop.pollableDescriptor, events: Int16(POLLIN), revents: 0)
            while !isOver.load(ordering: .acquiring) {
                if poll(&entry, 1, -1) == 1 { loop.runReady() }
            }
        }
    }

    /// Waits until what was given to the loop before has been done.
    func catchUp() async {
        for _ in 0..<3 {
            await withCheckedContinuation { continuation in
                loop.reactor.execute { continuation.resume() }
            }
        }
    }

    /// The thread ends after this.
    func stop() async {
        await withCheckedContinuation { continuation in
            loop.reactor.execute { [self] in
                isOver.store(true, ordering: .releasing)
                continuation.resume()
            }
        }
    }
}
