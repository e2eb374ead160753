import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectToPorts

@Suite("Flushing a port", .chosenExecutor, .timeLimit(.minutes(1)))
struct FlushTests {
    /// More than the kernel takes at once.
    private static let much = [UInt8](repeating: 9, count: 2 << 20)
    private static let refused = CloseReason(.refused, detail: "the listener does not admit this caller")

    /// The error of a flush, which has to throw.
    private func loss(on port: MessagePort) async -> PortError? {
        let error = await #expect(throws: PortError.self) { try await port.flush() }
        #expect(error?.code == .undelivered)
        return error
    }

    @Test("A flush throws where the port never opened, closed meanwhile or not", arguments: [false, true])
    func flushThrowsIfNeverOpened(closed: Bool) async throws {
        let (port, introduction) = MessagePort.opening(on: try .shared)
        try port.postMessage("Hello")
        if closed { port.close() }
        introduction.failUnlessOpen(Self.refused)
        let error = await loss(on: port)
        #expect(error?.reason == Self.refused)
        #expect(
            error?.message
                == "the messages that were posted have not been delivered: the listener does not admit this caller")
    }

    @Test("A flush returns where the port never opened and nothing was posted")
    func flushReturnsWithNothingPosted() async throws {
        let (port, introduction) = MessagePort.opening(on: try .shared)
        introduction.failUnlessOpen(Self.refused)
        try await port.flush()
    }

    @Test("A flush throws where the peer's process ends while messages are queued in this process")
    func flushThrowsIfPeerEndsBeforeQueueIsSent() async throws {
        let (port, peer) = try RawPeer.withPort()
        try port.postMessage(Self.much)
        let flushing = Task { try await port.flush() }
        await port.untilTaskWaits(for: .flush)
        peer.die()
        let error = await #expect(throws: PortError.self) { try await flushing.joined() }
        #expect(error?.code == .undelivered)
    }

    @Test("A flush throws where the peer's process ends with messages unread, and returns where it has read them")
    func flushThrowsIfPeerEndsWithUnreadInput() async throws {
        for reads in [false, true] {
            let (port, peer) = try RawPeer.withPort()
            try port.postMessage("Hello")
            if reads { #expect(try await peer.receive(13) == Wire.text("Hello")) }
            peer.die()
            #expect(try await port.waitUntilClosed().code == .peerExited)
            if reads {
                try await port.flush()
            } else {
                #expect(await loss(on: port)?.reason?.code == .peerExited)
            }
        }
    }

    @Test("A flush after a close throws where the peer takes nothing until the port gives up")
    func flushThrowsIfCloseGivesUp() async throws {
        var limits = PortLimits()
        limits.linger = .milliseconds(20)
        let (port, peer) = try RawPeer.withPort(limits: limits)
        defer { peer.die() }
        try port.postMessage(Self.much)
        port.close()
        let error = await loss(on: port)
        #expect(
            error?.message.contains("the peer took nothing more for 0.02 seconds") == true, "\(error?.message ?? "")")
    }

    @Test("A flush returns where only the close did not reach a peer that has ended")
    func flushReturnsIfOnlyCloseIsLost() async throws {
        let (port, peer) = try RawPeer.withPort()
        try port.postMessage("Hello")
        #expect(try await peer.receive(13) == Wire.text("Hello"))
        peer.die()
        port.finish()
        port.close()
        try await port.flush()
    }

    @Test("A flush throws where the peer closes with untaken messages, unless the peer had finished before")
    func flushThrowsIfPeerClosesWithUntakenMessages() async throws {
        for finishes in [false, true] {
            let (port, peer) = try MessageChannel.makePair()
            for text in ["one", "two", "three"] { try port.postMessage(text) }
            _ = try await peer.take()
            if finishes { peer.finish() }
            peer.close()
            #expect(try await port.waitUntilClosed().code == .closed)
            if finishes {
                try await port.flush()
            } else {
                let error = await loss(on: port)
                #expect(
                    error?.message
                        == "the peer has not taken 2 of the 3 messages that were posted: the peer closed the port")
            }
        }
    }

    @Test(
        "A flush throws where a message was posted after the port's end, by itself or in a batch",
        arguments: [false, true])
    func flushThrowsAfterLatePost(inBatch: Bool) async throws {
        let (port, peer) = try RawPeer.withPort()
        defer { peer.die() }
        port.close()
        try await port.flush()
        var batch = MessageBatch()
        try batch.append("late")
        if inBatch { try port.postMessages(batch) } else { try port.postMessage("late") }
        #expect(
            await loss(on: port)?.message
                == "1 message was posted after the end of the port, and dropped: this program closed the port")
    }

    @Test("A flush returns on a port that was transferred: what waited in it goes with it")
    func flushReturnsOnTransferredPort() async throws {
        let (inner, peer) = try RawPeer.withPort()
        defer { peer.die() }
        let carrier = try MessageChannel()
        try inner.postMessage(Self.much)
        try carrier.port1.postMessage(.text("", transfer: [.port(inner)]))
        try await inner.flush()
        #expect(try await carrier.port2.take()?.ports.first?.bufferedAmount ?? 0 > 0)
    }
}
