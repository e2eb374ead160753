import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectToPorts

@Suite("A port whose program is slow to take", .chosenExecutor, .timeLimit(.minutes(1)))
struct InputBoundTests {
    /// More than any kernel's buffer holds of a line, with the default settings.
    private static let kernelBuffer = 512 << 10

    @Test("A port that is not started leaves everything in the kernel, and has it all once it is started")
    func unstartedPortReadsNothing() async throws {
        let (port, peer) = try RawPeer.withPort()
        var script = Script(frame: Wire.bytes([UInt8](repeating: 1, count: 1_000)))
        try await script.sendUntilStalled(to: peer, atMost: 16 << 20)
        #expect(script.sent < Self.kernelBuffer)
        #expect(port.line.read { $0.life.received } == 0)
        let whole = script.wholeFrames
        for _ in 0..<whole { #expect(try await port.take()?.count == 1_000) }
    }

    @Test(
        "A port whose program takes nothing holds 1 MiB and stalls its peer, however small the messages are",
        arguments: [1_000, 100, 70_000, 600_000])
    func untakenInputIsBounded(size: Int) async throws {
        let (port, peer) = try RawPeer.withPort()
        port.start()
        var script = Script(frame: Wire.bytes([UInt8](repeating: 1, count: size)))
        try await script.sendUntilStalled(to: peer, atMost: 16 << 20)
        #expect(script.sent > 1 << 19)
        #expect(script.sent < 1 << 20 + 2 * size + Self.kernelBuffer)
        #expect(port.line.read { $0.input.size } <= 1 << 20 + size + 64)

        // Then everything arrives, what was stalled included.
        let rest = script.unfinishedFrame + Wire.finish
        async let sending: Void = peer.send(rest)
        var count = 0
        for try await message in port.messages {
            #expect(message.count == size)
            count += 1
        }
        try await sending
        #expect(count == script.frames)
    }

    @Test("A port whose program takes nothing does not hold empty messages without end")
    func emptyMessagesAreBounded() async throws {
        var limits = PortLimits()
        limits.queuedInput = 64 << 10
        let (port, peer) = try RawPeer.withPort(limits: limits)
        port.start()
        var script = Script(frame: (0..<100).flatMap { _ in Wire.bytes([]) })
        try await script.sendUntilStalled(to: peer, atMost: 4 << 20)
        #expect(script.sent < 4 << 20)
        #expect(port.line.read { $0.input.size } <= 64 << 10)
    }

    @Test("A port receives a message that is longer than its bound")
    func messageLongerThanBound() async throws {
        var limits = PortLimits()
        limits.queuedInput = 100
        let (port, peer) = try RawPeer.withPort(limits: limits)
        async let sending: Void = peer.send(
            Wire.bytes([UInt8](repeating: 1, count: 3 << 20)) + Wire.text("after") + Wire.finish)
        #expect(try await port.take()?.count == 3 << 20)
        #expect(try await port.take()?.text == "after")
        #expect(try await port.take() == nil)
        try await sending
    }

    @Test("A port stops reading and goes on any number of times, and loses nothing", arguments: [1, 1_000, 50_000])
    func readingStopsAndGoesOn(limit: Int) async throws {
        var limits = PortLimits()
        limits.queuedInput = limit
        let (port, peer) = try RawPeer.withPort(limits: limits)
        let sizes = (0..<2_000).map { $0 * 7_919 % 3_001 }
        let stream = sizes.flatMap {
            Wire.bytes([UInt8](repeating: UInt8(truncatingIfNeeded: $0), count: $0))
        }
        async let sending: Void = peer.send(stream + Wire.finish)
        var taken: [Int] = []
        for try await message in port.messages {
            taken.append(message.count)
            #expect(message.bytes.allSatisfy { $0 == UInt8(truncatingIfNeeded: message.count) })
        }
        try await sending
        #expect(taken == sizes)
    }

    @Test("A port reads a thousand messages in one turn of the loop, however often more comes")
    func thousandMessagesATurn() throws {
        // A loop that is turned here, so that every turn can be looked at.
        let loop = try EventLoop.makeDrivenByForeignLoop()
        var limits = PortLimits()
        limits.queuedInput = .max
        let (port, peer) = try RawPeer.withPort(limits: limits, on: loop)
        port.start()
        loop.runReady()
        let flood = (0..<20_000).flatMap { _ in Wire.bytes([]) }
        _ = try peer.sendWithoutWaiting(flood)
        let watch = TurnWatch(port: port, peer: peer, loop: loop)
        watch.look(turns: 30)
        loop.runReady()
        #expect(watch.mostInOneTurn > 0)
        #expect(watch.mostInOneTurn <= 1_000)
        #expect(port.line.read { $0.life.received } >= 20_000)
    }
}

/// Sends one frame over and over until nobody takes more.
private struct Script {
    let frame: [UInt8]
    private(set) var sent = 0

    init(frame: [UInt8]) {
        self.frame = frame
    }

    var wholeFrames: Int { sent / frame.count }
    var frames: Int { (sent + frame.count - 1) / frame.count }
    /// What is missing of the last frame.
    var unfinishedFrame: [UInt8] {
        sent % frame.count == 0 ? [] : Array(frame[(sent % frame.count)...])
    }

    /// Stalled is who takes nothing while the loop has looked several times.
    mutating func sendUntilStalled(to peer: RawPeer, atMost limit: Int) async throws {
        let loop = try EventLoop.shared
        var refusals = 0
        while refusals < 5, sent < limit {
            let count = try peer.sendWithoutWaiting(Array(frame[(sent % frame.count)...]))
            sent += count
            refusals = count == 0 ? refusals + 1 : 0
            // Each write is an event of its own: the loop gets to see every one.
            await loop.catchUp()
        }
    }
}
