import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectToPorts

@Suite("Taking single messages from a port", .chosenExecutor, .timeLimit(.minutes(1)))
struct TakingTests {
    private static func code(_ body: () async throws -> Void) async -> PortError.Code? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? PortError)?.code
        }
    }

    @Test("A close frame counts the messages that were taken without the line's lock")
    func closeCountsClaims() async throws {
        let (port, peer) = try RawPeer.withPort()
        try await peer.send((0..<10).flatMap { Wire.bytes([$0]) })
        var messages = port.messages.makeAsyncIterator()
        for number in 0..<4 { #expect(try await messages.next()?.bytes == [UInt8(number)]) }
        port.close()
        #expect(try await peer.receiveToEnd() == Wire.close(taken: 4))
    }

    @Test("takeMessage returns what has arrived, or nil where nothing has, and peerHasFinished tells the end")
    func takeMessageReturnsWhatHasArrived() async throws {
        let loop = try EventLoop.makeDrivenByForeignLoop()
        let (mine, theirs) = try MessageChannel.makePair(on: loop)
        // It starts the port, and the loop receives.
        #expect(try mine.takeMessage() == nil)
        try theirs.postMessage("1")
        try theirs.postMessage("2")
        loop.runReady()
        #expect(try mine.takeMessage()?.text == "1")
        #expect(try mine.takeMessage()?.text == "2")
        #expect(try mine.takeMessage() == nil)
        #expect(!mine.peerHasFinished)
        try theirs.postMessage("3")
        theirs.finish()
        loop.runReady()
        #expect(mine.peerHasFinished)
        #expect(try mine.takeMessage()?.text == "3")
        #expect(try mine.takeMessage() == nil)
        mine.close()
        loop.runReady()
        #expect(try mine.takeMessage() == nil)
    }

    @Test("takeMessage and nextMessage throw why the port broke off, once they have returned all that came before")
    func takingThrowsWhyPortBrokeOff() async throws {
        let (port, peer) = try RawPeer.withPort()
        try await peer.send(Wire.text("1") + Wire.text("2"))
        peer.die()
        #expect(try await port.nextMessage()?.text == "1")
        try await port.waitUntilClosed()
        #expect(try port.takeMessage()?.text == "2")
        for take in [{ try port.takeMessage() }, { try await port.nextMessage() }] as [() async throws -> Message?] {
            let error = await #expect(throws: PortError.self) { try await take() }
            #expect(error?.code == .closed && error?.reason?.code == .peerExited)
        }
    }

    @Test("nextMessage waits for a message, and returns nil at the end")
    func nextMessageWaits() async throws {
        let channel = try MessageChannel()
        let waiting = Task { try await channel.port2.nextMessage(within: .seconds(30)) }
        await channel.port2.untilTaskWaits(for: .input)
        try channel.port1.postMessage("1")
        #expect(try await waiting.joined()?.text == "1")
        channel.port1.finish()
        #expect(try await channel.port2.nextMessage() == nil)
    }

    @Test("nextMessage throws timedOut when its time is over, not before, and a message that comes later is not lost")
    func nextMessageTimesOut() async throws {
        let channel = try MessageChannel()
        let start = SuspendingClock.now
        let error = await #expect(throws: PortError.self) {
            try await channel.port2.nextMessage(within: .milliseconds(20))
        }
        #expect(error?.code == .timedOut)
        #expect(error?.message.contains("0.02 seconds") == true)
        #expect(SuspendingClock.now - start >= .milliseconds(20))
        #expect(channel.port2.line.read { $0.waiters.count(.input) == 0 })
        try channel.port1.postMessage("late")
        #expect(try await channel.port2.nextMessage(within: .seconds(30))?.text == "late")
        #expect(await Self.code { _ = try await channel.port2.nextMessage(within: .zero) } == .timedOut)
        try channel.port1.postMessage("here")
        while channel.port2.line.read({ $0.input.isEmpty }), !Task.isCancelled { await Task.yield() }
        #expect(try await channel.port2.nextMessage(within: .zero)?.text == "here")
    }

    @Test("A message that comes at the moment when nextMessage's time is over is not lost")
    func messageAtDeadlineIsNotLost() async throws {
        let channel = try MessageChannel()
        for round in 0..<300 {
            async let posting: Void = {
                try await Task.sleep(for: .microseconds(round))
                try channel.port1.postMessage("\(round)")
            }()
            var text: String?
            while text == nil, !Task.isCancelled {
                do {
                    text = try await channel.port2.nextMessage(within: .microseconds(150))?.text
                } catch PortError.Code.timedOut {}
            }
            try await posting
            #expect(text == "\(round)")
        }
    }

    @Test("waitUntilOpen and waitUntilClosed throw timedOut when their time is over, and the port goes on")
    func lifeWaitsTimeOut() async throws {
        let (port, introduction) = MessagePort.opening(on: try .shared)
        let limit = Duration.milliseconds(10)
        #expect(await Self.code { try await port.waitUntilOpen(within: limit) } == .timedOut)
        introduction.didOpen()
        try await port.waitUntilOpen(within: .seconds(30))
        #expect(await Self.code { try await port.waitUntilClosed(within: limit) } == .timedOut)
        #expect(port.isOpen && port.line.read { $0.waiters.count(.end) + $0.waiters.count(.opening) } == 0)
        port.close()
        #expect(try await port.waitUntilClosed(within: .seconds(30)).code == .closed)
        #expect(!port.isOpen)
    }
}
