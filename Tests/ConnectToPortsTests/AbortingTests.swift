import ConnectToPorts
import ConnectToTestSupport
import Testing

@Suite("Aborting a port", .chosenExecutor, .timeLimit(.minutes(1)))
struct AbortingTests {
    private let port: MessagePort
    private let peer: MessagePort

    init() throws {
        let channel = try MessageChannel()
        (port, peer) = (channel.port1, channel.port2)
    }

    /// More than the kernel takes.
    private func fillTheQueue() throws {
        for _ in 0..<4 { try port.postMessage([UInt8](repeating: 1, count: 1 << 20)) }
        #expect(port.bufferedAmount > 0)
    }

    @Test(
        "A port that is aborted delivers what was flushed before, and then breaks the line off, also after finish",
        arguments: [false, true])
    func abortBreaksLineOff(hasFinished: Bool) async throws {
        try port.postMessage("last")
        if hasFinished { port.finish() }
        try await port.flush()
        port.abort()
        #expect(port.closeReason?.code == .closed)
        #expect(port.isDetached)
        #expect(try await peer.nextMessage()?.text == "last")
        #expect(try await peer.waitUntilClosed().code == .peerExited)
        #expect(peer.hasReceivedFinish == hasFinished)
        #expect(!peer.peerWasDone)
    }

    @Test("A port that is aborted drops messages that wait to be sent at once, and flush says so")
    func abortDropsOutput() async throws {
        try fillTheQueue()
        port.abort()
        #expect(port.bufferedAmount == 0)
        #expect(try port.postMessage("late") == false)
        await #expect { try await port.flush() } throws: { PortError.Code.undelivered ~= $0 }
    }

    @Test("A port that is aborted drops messages that have arrived and were not taken")
    func abortDropsInput() async throws {
        for word in ["one", "two"] { try peer.postMessage(.text(word)) }
        #expect(try await port.nextMessage()?.text == "one")
        port.abort()
        #expect(try await port.nextMessage() == nil)
    }

    @Test("A port that was closed, and still hands over what was posted, stops at once when it is aborted")
    func abortStopsClosing() async throws {
        try fillTheQueue()
        port.close()
        port.abort()
        port.abort()
        #expect(port.closeReason?.code == .closed)
        await #expect { try await port.flush() } throws: { PortError.Code.undelivered ~= $0 }
        #expect(try await peer.waitUntilClosed().code == .peerExited)
    }

    @Test("A port that is aborted when it is over keeps its reason")
    func abortAfterEndKeepsReason() async throws {
        peer.abort()
        #expect(try await port.waitUntilClosed().code == .peerExited)
        port.abort()
        #expect(port.closeReason?.code == .peerExited)
    }

    @Test("A port that is aborted ends every wait for a message or for the end")
    func abortEndsWaits() async throws {
        let (message, end) = (Task { try await port.nextMessage() }, Task { try await port.waitUntilClosed() })
        port.abort()
        #expect(try await message.value == nil)
        #expect(try await end.value.code == .closed)
    }
}
