import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectToPorts

@Suite("A port that is being opened", .chosenExecutor, .timeLimit(.minutes(1)))
struct OpeningTests {
    private static let refused = CloseReason(.refused, detail: "the listener said no")

    @Test("A port opens with the listener's answer, and what was posted before is there")
    func answerOpensPort() async throws {
        let (port, introduction) = MessagePort.opening(on: try .shared)
        let peer = try introduction.peer()
        try port.postMessage("early")
        let waiting = Task { try await port.waitUntilOpen() }
        await port.untilTaskWaits(for: .opening)
        #expect(!port.isOpen)
        introduction.didOpen()
        try await waiting.joined()
        #expect(port.isOpen)
        #expect(try await peer.receive(13) == Wire.text("early"))
    }

    @Test(
        "A port opens with the first byte from the peer, started or not, and ignores an error after that",
        arguments: [true, false], [1, 8, 13])
    func firstByteOpensPort(started: Bool, count: Int) async throws {
        let (port, introduction) = MessagePort.opening(on: try .shared)
        let peer = try introduction.peer()
        if started { port.start() }
        try await peer.send(Array(Wire.text("Hello").prefix(count)))
        try await port.waitUntilOpen()
        introduction.failUnlessOpen(Self.refused)
        #expect(port.closeReason == nil)
        try await peer.send(Array(Wire.text("Hello").dropFirst(count)))
        #expect(try await port.take()?.text == "Hello")
    }

    @Test("A port keeps the message that opened it until it is started")
    func openingMessageWaitsForStart() async throws {
        let (port, introduction) = MessagePort.opening(on: try .shared)
        let peer = try introduction.peer()
        try await peer.send(Wire.text("Welcome!"))
        try await port.waitUntilOpen()
        #expect(try await port.take()?.text == "Welcome!")
    }

    @Test("A port is open if the peer's message and the error arrive together, and loses none of the message")
    func byteBeforeErrorOpensPort() async throws {
        let loop = try EventLoop.makeDrivenByForeignLoop()
        let (port, introduction) = MessagePort.opening(on: loop)
        let peer = try introduction.peer()
        // More than one drain takes, and the loop has not looked yet.
        let texts = (0..<3_000).map { "\($0)" }
        let stream = texts.flatMap(Wire.text) + Wire.finish
        #expect(try peer.sendWithoutWaiting(stream) == stream.count)
        introduction.failUnlessOpen(Self.refused)
        #expect(port.closeReason == nil)
        try await port.waitUntilOpen()
        loop.runReady()
        port.start()
        loop.runReady()
        var taken: [String] = []
        while case .message(let message) = port.line.change({ state, wakeups in
            state.takeMessage(holding: nil, for: port.line, &wakeups)
        }) { taken.append(message.text ?? "?") }
        #expect(taken == texts)
        #expect(port.peerHasFinished)
    }

    @Test("A refused port never opens, and every wait for its opening ends with the reason")
    func refusedPortNeverOpens() async throws {
        let (port, introduction) = MessagePort.opening(on: try .shared)
        let opening = Task { try await port.waitUntilOpen() }
        let taking = Task { try await port.take() }
        let flushing = Task { try await port.flush() }
        await port.untilTaskWaits(for: .opening)
        await port.untilTaskWaits(for: .input)
        await port.untilTaskWaits(for: .flush)
        introduction.failUnlessOpen(Self.refused)
        let error = await #expect(throws: PortError.self) { try await opening.joined() }
        #expect(error?.reason == Self.refused)
        await #expect(throws: PortError.self) { try await taking.joined() }
        try await flushing.joined()
        introduction.didOpen()
        #expect(port.closeReason == Self.refused)
    }

    @Test("A port does not take the end of the line for an answer", arguments: [true, false])
    func endIsNotAnAnswer(admitted: Bool) async throws {
        let loop = try EventLoop.shared
        let (port, introduction) = MessagePort.opening(on: loop)
        port.start()
        try introduction.peer().shutDown()
        await loop.catchUp()
        #expect(port.closeReason == nil)
        if admitted { introduction.didOpen() } else { introduction.failUnlessOpen(Self.refused) }
        #expect(try await port.waitUntilClosed().code == (admitted ? .peerExited : .refused))
    }

    @Test("A flush of a port that is not open yet returns when it is open, not when the kernel has the bytes")
    func flushWaitsForOpening() async throws {
        let (port, introduction) = MessagePort.opening(on: try .shared)
        try port.postMessage("Hello")
        #expect(port.bufferedAmount == 0)
        let flushing = Task { try await port.flush() }
        await port.untilTaskWaits(for: .flush)
        introduction.didOpen()
        try await flushing.joined()
    }

    @Test("A port that is closed with messages posted hands them over once it is open")
    func closedPortHandsOverOnceOpen() async throws {
        let (port, introduction) = MessagePort.opening(on: try .shared)
        let peer = try introduction.peer()
        try port.postMessage("Hello")
        port.close()
        #expect(!introduction.isPointless)
        let flushing = Task { try await port.flush() }
        await port.untilTaskWaits(for: .flush)
        introduction.didOpen()
        try await flushing.joined()
        #expect(try await peer.receiveToEnd() == Wire.text("Hello") + Wire.close(taken: 0))
    }

    @Test("A port that is closed with nothing posted is pointless to introduce")
    func closedPortWithoutMessagesIsPointless() throws {
        let (port, introduction) = MessagePort.opening(on: try .shared)
        #expect(!introduction.isPointless)
        port.close()
        #expect(introduction.isPointless)
        introduction.failUnlessOpen(CloseReason(.cancelled, detail: "closed before"))
    }
}
