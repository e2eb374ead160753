import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectTo

@Suite("Serving callers", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct ServingTests {
    @Test("serve runs no more handlers than its limit; further callers are open, and wait for their turn")
    func serveKeepsLimit() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x")
        let running = Lock(0)
        let serving = Task {
            try await context.serve(limit: 2) { event in
                let now = running.withLock { running in
                    running += 1
                    return running
                }
                #expect(now <= 2)
                defer { running.withLock { $0 -= 1 } }
                for try await message in event.source.messages {
                    try event.source.postMessage(message.text ?? "")
                }
            }
        }
        let ports = (0..<3).map { _ in here.connectTo("x") }
        for (number, port) in ports.enumerated() {
            try await port.waitUntilOpen()
            try port.postMessage("\(number)")
        }
        #expect(try await ports[0].nextText() == "0")
        #expect(try await ports[1].nextText() == "1")
        #expect(running.withLock { $0 } == 2)
        ports[0].finish()
        #expect(try await ports[2].nextText() == "2")
        #expect(try await ports[0].waitUntilClosed().code == .closed)
        for port in ports { port.finish() }
        await context.unregister()
        try await serving.value
    }

    @Test(
        "A handler that throws breaks its caller's port off, reports the error, and leaves the others alone"
    )
    func failingHandlerBreaksOffItsPort() async throws {
        struct Unwilling: Error {}
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x")
        let (failures, told) = AsyncStream<(any Error, Peer)>.makeStream()
        let serving = Task {
            try await context.serve(onError: { told.yield(($0, $1)) }) { event in
                for try await message in event.source.messages {
                    try event.source.postMessage("heard \(message.text ?? "")")
                    if message.text == "fail" { throw Unwilling() }
                }
            }
        }
        let (steady, failing) = (here.connectTo("x"), here.connectTo("x"))
        try steady.postMessage("one")
        #expect(try await steady.nextText() == "heard one")
        try failing.postMessage("fail")
        // What was posted before the error arrives.
        #expect(try await failing.nextText() == "heard fail")
        #expect(try await failing.waitUntilClosed().code == .peerExited)
        var errors = failures.makeAsyncIterator()
        let (error, peer) = try #require(await errors.next())
        #expect(error is Unwilling)
        #expect(peer.uid != nil)
        try steady.postMessage("two")
        #expect(try await steady.nextText() == "heard two")
        steady.finish()
        #expect(try await steady.waitUntilClosed().code == .closed)
        await context.unregister()
        try await serving.value
    }

    @Test("The port of a handler that returns closes in order, and one that the handler kept goes on")
    func portOfHandlerCloses() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x", options: .init(callerLimit: 2))
        let kept = Lock<[MessagePort]>([])
        let serving = Task {
            try await context.serve { event in
                if event.metadata["keep"] != nil { kept.withLock { $0.append(event.source) } }
                try event.source.postMessage("served")
            }
        }
        let (first, second) = (here.connectTo("x"), here.connectTo("x", options: .init(metadata: ["keep": ""])))
        for port in [first, second] { #expect(try await port.nextText() == "served") }
        #expect(try await first.waitUntilClosed().code == .closed)
        // It ends after as many callers as it was to admit, whatever became of their ports.
        try await serving.value
        #expect(second.closeReason == nil)
        let port = try #require(kept.withLock { $0.popLast() })
        try port.postMessage("still here")
        #expect(try await second.nextText() == "still here")
    }

    @Test("A process that ends when serve returns has handed over all that it posted")
    func serveHandsOverBeforeExit() async throws {
        let bus = try await Bus.onPrivateBus()
        for _ in 0..<5 {
            try await withPeer("serve", "x", 200) { peer in
                #expect(await peer.line() == "listening")
                let port = bus.connectTo("x")
                var count = 0
                for try await _ in port.messages { count += 1 }
                #expect(count == 200)
                #expect(port.closeReason?.code == .closed)
            }
        }
    }

    @Test("Cancelling serve unregisters, cancels the handlers and waits for them, and reports none of them as failed")
    func cancelledServeWaitsForHandlers() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x")
        let hasEnded = Latch<Void>()
        let serving = Task {
            try await context.serve(onError: { error, _ in Issue.record("\(error)") }) { event in
                try event.source.postMessage("served")
                defer { hasEnded.set() }
                try await Task.sleep(for: .seconds(3_600))
            }
        }
        let port = here.connectTo("x")
        #expect(try await port.nextText() == "served")
        serving.cancel()
        let error = await #expect(throws: ConnectToError.self) { try await serving.value }
        #expect(error?.code == .cancelled)
        #expect(hasEnded.value != nil)
        #expect(context.endReason == .unregistered)
    }

    @Test(
        "The ports of cancelled handlers close in order, kept or not; one that had finished breaks off, since it read on"
    )
    func cancelledPorts() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x")
        let kept = Lock<[MessagePort]>([])
        let serving = Task {
            try await context.serve { event in
                if event.metadata["keep"] != nil { kept.withLock { $0.append(event.source) } }
                try event.source.postMessage("served")
                if event.metadata["finish"] != nil { event.source.finish() }
                for try await _ in event.source.messages {}
                Issue.record("a cancelled handler saw the end of the messages")
            }
        }
        let ports = ["none", "keep", "finish"].map { here.connectTo("x", options: .init(metadata: [$0: ""])) }
        for port in ports { #expect(try await port.nextText() == "served") }
        serving.cancel()
        let error = await #expect(throws: ConnectToError.self) { try await serving.value }
        #expect(error?.code == .cancelled)
        var codes: [CloseReason.Code] = []
        for port in ports { codes.append(try await port.waitUntilClosed().code) }
        #expect(codes == [.closed, .closed, .peerExited])
        #expect(!ports[0].peerWasDone)
        #expect(kept.withLock { $0.map(\.closeReason?.code) } == [.closed])
    }

    @Test("A process that cancels serving, and ends when that has ended, has handed over all that it posted")
    func stoppedProcess() async throws {
        let bus = try await Bus.onPrivateBus()
        try await withPeer("stop", "x", 200) { peer in
            #expect(await peer.line() == "listening")
            let port = bus.connectTo("x")
            #expect(await peer.line() == "posted")
            try await peer.type()
            var count = 0
            for try await _ in port.messages { count += 1 }
            #expect(count == 200)
            #expect(port.closeReason?.code == .closed)
        }
    }

    @Test("Cancelling serve unregisters at once, also while a handler that goes on takes the only slot")
    func cancelledServeUnregistersWhileFull() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x")
        let mayEnd = Latch<Void>()
        let serving = Task {
            try await context.serve(limit: 1) { event in
                try event.source.postMessage("served")
                // A task of its own: the handler does not heed its cancellation.
                await Task { _ = await mayEnd.wait() }.value
            }
        }
        let port = here.connectTo("x")
        #expect(try await port.nextText() == "served")
        let changes = try await here.changes()
        serving.cancel()
        var gone = changes.makeAsyncIterator()
        #expect(try await gone.next()?.kind == .unregistered)
        mayEnd.set()
        let error = await #expect(throws: ConnectToError.self) { try await serving.value }
        #expect(error?.code == .cancelled)
    }

    @Test("serve throws while another task takes the connect events, and where the context's name is lost")
    func serveThrowsIfTakenOrNameLost() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x", options: .init(ownership: .allowsReplacement))
        do {
            let taker = context.connectEvents.makeAsyncIterator()
            let error = await #expect(throws: ConnectToError.self) { try await context.serve { _ in } }
            #expect(error?.code == .alreadyTaken)
            withExtendedLifetime(taker) {}
        }
        let serving = Task { try await context.serve { _ in } }
        let successor = try await here.register("x", options: .init(ownership: .replacesExisting))
        let error = await #expect(throws: ConnectToError.self) { try await serving.value }
        #expect(error?.code == .contextEnded)
        #expect(error?.message.contains("taken the name over") == true)
        await successor.unregister()
    }

    @Test("withContext registers for the time of its closure, whether that returns, throws or is cancelled")
    func withContextUnregistersAtEnd() async throws {
        struct Unwilling: Error {}
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let name = try await there.withContext("x") { context in
            try await here.connectTo("x").waitUntilOpen()
            return context.name
        }
        #expect(name == "x")
        await #expect(throws: Unwilling.self) {
            try await there.withContext("x") { context in
                #expect(context.status == .registered)
                throw Unwilling()
            }
        }
        #expect(try await here.directory().isEmpty)
        let kept = Latch<Context>()
        let serving = Task {
            try await there.withContext("x") { context in
                kept.set(context)
                try await context.serve { _ in }
            }
        }
        let context = try #require(await kept.wait())
        serving.cancel()
        await #expect(throws: ConnectToError.self) { try await serving.value }
        // The bus has confirmed it.
        #expect(context.registration.isGone.value != nil)
        #expect(try await here.directory().isEmpty)
    }
}
