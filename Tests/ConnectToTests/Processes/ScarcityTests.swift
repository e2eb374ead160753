import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectTo

@Suite("A process that is short of descriptors, or is stopped", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct ScarcityTests {
    @Test("A listener with 64 descriptors refuses callers it has no room for, and serves again when it has room")
    func listenerWithFewDescriptorsRecovers() async throws {
        let bus = try await Bus.onPrivateBus()
        try await withPeer(after: "ulimit -n 64", "echo", "x") { peer in
            #expect(await peer.line() == "listening")
            var open: [MessagePort] = []
            var codes: Set<CloseReason.Code> = []
            for _ in 0..<100 {
                let port = bus.connectTo("x")
                do throws(PortError) {
                    try await port.waitUntilOpen()
                    open.append(port)
                } catch {
                    if let code = error.reason?.code { codes.insert(code) }
                }
            }
            #expect(open.count > 8 && open.count < 64)
            #expect(codes == [.busy])
            for port in open {
                try port.postMessage("still served")
                let text = try await port.nextText()
                #expect(text == "still served")
            }
            for port in open { port.close() }
            var last: CloseReason.Code?
            while last != .closed, !Task.isCancelled {
                let port = bus.connectTo("x")
                try port.postMessage("again")
                port.finish()
                if case "again"? = try? await port.nextText() { last = try await port.waitUntilClosed().code }
            }
            #expect(last == .closed)
        }
    }

    @Test("A listener with 64 descriptors keeps its name when many call at once")
    func listenerWithFewDescriptorsKeepsName() async throws {
        let bus = try await Bus.onPrivateBus()
        try await withPeer(after: "ulimit -n 64", "echo", "x") { peer in
            #expect(await peer.line() == "listening")
            let owner = try await bus.info("x")?.owner.busName
            var codes: Set<CloseReason.Code> = []
            for _ in 0..<5 {
                let ports = (0..<300).map { _ in bus.connectTo("x") }
                for port in ports {
                    do throws(PortError) {
                        try await port.waitUntilOpen()
                    } catch {
                        if let code = error.reason?.code { codes.insert(code) }
                    }
                }
                for port in ports { port.close() }
            }
            #expect(codes == [.busy])
            #expect(try await bus.info("x")?.owner.busName == owner)
        }
    }

    @Test("A caller with 64 descriptors has a reason for each port that it cannot open, and can go on")
    func callerWithFewDescriptorsGoesOn() async throws {
        let bus = try await Bus.onPrivateBus()
        let context = try await bus.register("x")
        let serving = Task {
            for try await event in context.connectEvents {
                Task {
                    for try await message in event.source.messages {
                        try event.source.postMessage(message.text ?? "")
                    }
                }
            }
        }
        try await withPeer(after: "ulimit -n 64", "hoard", "x", 100) { peer in
            let count = Int(try #require(await peer.line())) ?? 0
            #expect(count > 8 && count < 64)
            #expect(await peer.line() == "out-of-resources")
            #expect(await peer.line() == "once more")
        }
        await context.unregister()
        try await serving.value
    }

    /// Of another user than root the kernel limits also what is on its way in sockets, by the same number.
    @Test(
        "Programs with 64 descriptors that are not root, which may pass more of them, refuse and go on as well",
        .enabled(if: isRoot, "needs root, to become another user"), arguments: ["the listener", "the caller"])
    func fewDescriptorsWithoutRoot(who: String) async throws {
        let limits = ["the listener": "ulimit -n 64", "the caller": "ulimit -n 1024"]
        let caller = ["the listener": "ulimit -n 1024", "the caller": "ulimit -n 64"]
        try await withOpenBus { bus in
            let address = bus.address
            try await withPeer(after: try #require(limits[who]), "echo", "x", on: address, as: nobody) {
                peer in
                #expect(await peer.line() == "listening")
                let limit = try #require(caller[who])
                try await withPeer(after: limit, "hoard", "x", 100, on: address, as: nobody) { peer in
                    let count = Int(try #require(await peer.line())) ?? 0
                    #expect(count > 8 && count < 64)
                    #expect(await peer.line() == (who == "the listener" ? "busy" : "out-of-resources"))
                    #expect(await peer.line() == "once more")
                }
            }
        }
    }

    @Test(
        "A buffer over the limit of file sizes is an error, and does not kill the process",
        .disabled(if: isThreadSanitized, "the sanitizer maps a file of its own at a program's start"))
    func bufferOverFileSizeLimit() async throws {
        try await withPeer(after: "ulimit -f 16", "buffer", "x", 1 << 20) { peer in
            #expect(await peer.line() == "out-of-resources")
        }
        try await withPeer(after: "ulimit -f 16", "buffer", "x", 4096) { peer in
            #expect(await peer.line() == "4096")
        }
    }

    @Test("A peer that is stopped is waited for, and goes on where it was")
    func stoppedPeerIsAwaited() async throws {
        let bus = try await Bus.onPrivateBus()
        try await withPeer("echo", "x") { peer in
            #expect(await peer.line() == "listening")
            let port = bus.connectTo("x")
            try await port.waitUntilOpen()
            try peer.suspend()
            let second = bus.connectTo("x", options: .init(wait: .now))
            try second.postMessage("unanswered yet")
            for number in 0..<1_000 { try port.postMessage("\(number)") }
            // The bus, which is not stopped, has had time to do whatever it would do.
            for _ in 0..<10 { _ = try await bus.identities.owner(of: "org.connectto.Context.x") }
            #expect(port.closeReason == nil && second.closeReason == nil)
            peer.resume()
            var messages = port.messages.makeAsyncIterator()
            for number in 0..<1_000 {
                let text = try await messages.next()?.text
                #expect(text == "\(number)")
            }
            let text = try await second.nextText()
            #expect(text == "unanswered yet")
        }
    }

    @Test(
        "A peer that is stopped for longer than it may take to answer times out, and the next call gets through"
    )
    func peerStoppedForLongTimesOut() async throws {
        let bus = try await Bus.onPrivateBus()
        try await withPeer("echo", "x") { peer in
            #expect(await peer.line() == "listening")
            try peer.suspend()
            let late = try bus.connectTo("x", wait: .now, answerWithin: .milliseconds(100))
            try late.postMessage("nobody")
            #expect(try await late.waitUntilClosed().code == .timedOut)
            peer.resume()
            let next = bus.connectTo("x")
            try next.postMessage("somebody")
            let text = try await next.nextText()
            #expect(text == "somebody")
        }
    }
}
