import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectTo

@Suite("A caller that is stopped", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct StoppedCallerTests {
    @Test("A stopped caller delays neither the listener nor other callers, and goes on where it was")
    func stoppedCallerDelaysNoOther() async throws {
        let bus = try await Bus.onPrivateBus()
        let context = try await bus.register("x")
        try await withPeer("count", "x") { stopped in
            let first = try #require(await context.nextConnect())
            #expect(try await first.source.nextText() == "hello")
            try stopped.suspend()

            // More than the kernel holds for it: the rest waits here.
            let payload = [UInt8](repeating: 7, count: 16 << 10)
            for _ in 0..<64 { try first.source.postMessage(payload) }
            #expect(first.source.bufferedAmount > 0)

            let serving = Task {
                for try await event in context.connectEvents {
                    Task {
                        while let text = try await event.source.nextText() {
                            try event.source.postMessage(text)
                        }
                    }
                }
            }
            // New callers are admitted, and answered over and over.
            try await withPeer("repeat", "x", 100) { other in #expect(await other.line() == "done") }
            #expect(first.source.closeReason == nil)
            #expect(first.source.bufferedAmount > 0)

            stopped.resume()
            first.source.finish()
            #expect(await stopped.line() == "\(payload.count * 64)")
            #expect(try await first.source.waitUntilClosed().code == .closed)
            serving.cancel()
        }
    }

    @Test("A caller that is stopped between calls is served when it goes on")
    func callerStoppedBetweenCalls() async throws {
        let bus = try await Bus.onPrivateBus()
        try await withPeer("echo", "x") { listener in
            #expect(await listener.line() == "listening")
            try await withPeer("repeat", "x", 20) { stopped in
                #expect(await stopped.line() == "done")
                try await stopped.type()
                // Anywhere in its next calls, or between two of them.
                try stopped.suspend()
                for _ in 0..<20 {
                    let port = bus.connectTo("x")
                    try port.postMessage("hello")
                    #expect(try await port.nextText() == "hello")
                }
                stopped.resume()
                #expect(await stopped.line() == "done")
            }
        }
    }
}
