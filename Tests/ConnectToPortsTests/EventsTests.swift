import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectToPorts

@Suite("The handlers of a port", .chosenExecutor, .timeLimit(.minutes(1)))
struct EventsTests {
    /// What handlers were called with, in order.
    private let calls: AsyncStream<String>
    private let log: AsyncStream<String>.Continuation

    init() {
        (calls, log) = AsyncStream.makeStream()
    }

    @Test("Handlers get each message in order, those from before they were set too, and then the end")
    func handlersGetMessagesInOrderThenEnd() async throws {
        let (mine, theirs) = try MessageChannel.makePair()
        for number in 0..<3_000 { try theirs.postMessage("\(number)") }
        mine.onClose { [log] in log.yield("\($0.code)") }
        mine.onMessage { [log] in log.yield($0.text ?? "?") }
        try theirs.postMessage("3000")
        theirs.close()
        var next = calls.makeAsyncIterator()
        for number in 0...3_000 { #expect(await next.next() == "\(number)") }
        #expect(await next.next() == "closed")
    }

    @Test("Handlers run on the loop, one at a time, and never inside the call that sets them")
    func handlersRunOnLoop() async throws {
        let loop = try EventLoop.shared
        let (mine, theirs) = try MessageChannel.makePair()
        for number in 0..<100 { try theirs.postMessage("\(number)") }
        let inside = Lock(0)
        let outcome = Lock(true)
        let isSet = Lock(false)
        loop.reactor.execute { [log] in
            mine.onMessage { message in
                let depth = inside.withLock { depth in
                    depth += 1
                    return depth
                }
                let isRight = depth == 1 && loop.reactor.isCurrent && isSet.withLock { $0 }
                outcome.withLock { $0 = $0 && isRight }
                inside.withLock { $0 -= 1 }
                if message.text == "99" { log.yield("done") }
            }
            isSet.withLock { $0 = true }
        }
        #expect(await first() == "done")
        #expect(outcome.withLock { $0 })
    }

    @Test("A finish handler is called once, behind all messages of the peer, and this side can still post")
    func finishHandlerIsCalledBehindMessages() async throws {
        let (mine, theirs) = try MessageChannel.makePair()
        mine.onFinish { [log] in log.yield("finished") }
        mine.onClose { [log] in log.yield("\($0.code)") }
        mine.onMessage { [log] in log.yield($0.text ?? "?") }
        for number in 0..<3 { try theirs.postMessage("\(number)") }
        theirs.finish()
        var next = calls.makeAsyncIterator()
        for expected in ["0", "1", "2", "finished"] { #expect(await next.next() == expected) }
        try mine.postMessage("an answer")
        theirs.start()
        #expect(try await theirs.nextMessage(within: .seconds(10))?.text == "an answer")
        theirs.close()
        #expect(await next.next() == "closed")
    }

    @Test("A finish handler that is set late is called, and is not called where the peer has only closed")
    func finishHandlerSetLate() async throws {
        let (mine, theirs) = try MessageChannel.makePair()
        theirs.finish()
        mine.start()
        while !mine.hasReceivedFinish { await Task.yield() }
        mine.onFinish { [log] in log.yield("finished") }
        let (other, closer) = try MessageChannel.makePair()
        other.onFinish { [log] in log.yield("the closer has finished") }
        other.onClose { [log] in log.yield("\($0.code)") }
        other.onMessage { _ in }
        var next = calls.makeAsyncIterator()
        #expect(await next.next() == "finished")
        closer.close()
        #expect(await next.next() == "closed")
    }

    @Test("A close handler that is set late gets the end once, and the side that closed gets none")
    func closeHandlerSetLateGetsEnd() async throws {
        let (mine, theirs) = try MessageChannel.makePair()
        theirs.onClose { [log] _ in log.yield("the closer's own") }
        theirs.close()
        theirs.onClose { [log] _ in log.yield("the closer's own, set late") }
        #expect(try await mine.waitUntilClosed().code == .closed)
        var next = calls.makeAsyncIterator()
        for round in 0..<3 {
            mine.onClose { [log] in log.yield("\(round) \($0.code)") }
            #expect(await next.next() == "\(round) closed")
        }
        try await EventLoop.shared.catchUp()
        log.finish()
        #expect(await next.next() == nil)
    }

    @Test("A close handler is called after the sequence has taken the last message")
    func closeHandlerWaitsForSequence() async throws {
        let (mine, theirs) = try MessageChannel.makePair()
        try theirs.postMessage("a")
        try theirs.postMessage("b")
        theirs.close()
        mine.onClose { [log] _ in log.yield("end") }
        mine.start()
        try await mine.waitUntilClosed()
        #expect(try await mine.take()?.text == "a")
        try await EventLoop.shared.catchUp()
        log.yield("taking b")
        #expect(try await mine.take()?.text == "b")
        var next = calls.makeAsyncIterator()
        #expect(await next.next() == "taking b")
        #expect(await next.next() == "end")
    }

    @Test("A message handler that is removed leaves the rest to a loop that begins then")
    func removedHandlerLeavesMessagesToSequence() async throws {
        let (mine, theirs) = try MessageChannel.makePair()
        mine.onMessage { [log] in log.yield($0.text ?? "?") }
        try theirs.postMessage("to the handler")
        #expect(await first() == "to the handler")
        mine.onMessage(nil)
        async let taken = mine.take()
        await mine.untilTaskWaits(for: .input)
        try theirs.postMessage("to the loop")
        #expect(try await taken?.text == "to the loop")
    }

    @Test("Text that is not UTF-8 goes to the error handler in its turn, or is dropped, and the port lives on")
    func undecodableTextGoesToErrorHandler() async throws {
        let (port, peer) = try RawPeer.withPort()
        port.onMessage { [log] in log.yield($0.text ?? "bytes") }
        try await peer.send(Wire.frame(2, [0xff]) + Wire.text("a"))
        var next = calls.makeAsyncIterator()
        #expect(await next.next() == "a")
        port.onMessageError { [log] in log.yield("error \($0.kind) \($0.bytes)") }
        try await peer.send(Wire.frame(3, [0xc0, 0x80]) + Wire.bytes([0xff]) + Wire.text("b"))
        #expect(await next.next() == "error json [192, 128]")
        #expect(await next.next() == "bytes")
        #expect(await next.next() == "b")
        #expect(port.closeReason == nil)
    }

    @Test("JSON that is not valid is found when it is decoded, and the port lives on")
    func invalidJSONIsFoundByDecoding() async throws {
        let (mine, theirs) = try MessageChannel.makePair()
        mine.onMessage { [log] message in
            do throws(PortError) {
                log.yield("\(try message.decode(Int.self))")
            } catch {
                log.yield("\(error.code)")
            }
        }
        try theirs.postMessage(.json("{"))
        try theirs.postMessage(.encoding(7))
        var next = calls.makeAsyncIterator()
        #expect(await next.next() == "not-decodable")
        #expect(await next.next() == "7")
    }

    @Test("A handler that posts to itself without end does not starve timers")
    func endlessHandlerStarvesNoTimer() async throws {
        let (mine, theirs) = try MessageChannel.makePair()
        for _ in 0..<2_000 { try theirs.postMessage("round and round") }
        let count = Lock(0)
        mine.onMessage { message in
            count.withLock { $0 += 1 }
            _ = try? theirs.postMessage(message.bytes)
        }
        for _ in 0..<20 { try await EventLoop.shared.pass(.milliseconds(5)) }
        #expect(count.withLock { $0 } > 2_000)
        mine.close()
    }

    @Test("After a thousand calls of one handler in a row other work of the loop has its turn")
    func thousandCallsThenOthersTurn() async throws {
        let loop = try EventLoop.makeDrivenByForeignLoop()
        let (mine, theirs) = try MessageChannel.makePair(on: loop)
        let count = Lock(0)
        for _ in 0..<2_500 { try theirs.postMessage("") }
        mine.start()
        while mine.line.read({ $0.input.count }) < 2_500, !Task.isCancelled { loop.runReady() }
        mine.onMessage { _ in count.withLock { $0 += 1 } }
        let between = Lock<[Int]>([])
        loop.reactor.execute {
            between.withLock { $0.append(count.withLock { $0 }) }
            loop.reactor.execute { between.withLock { $0.append(count.withLock { $0 }) } }
        }
        loop.runReady()
        #expect(count.withLock { $0 } == 2_500)
        #expect(between.withLock { $0 } == [1_000, 2_000])
        // What both ends have to do still: on a loop that nobody turns any more they would stay in memory.
        mine.close()
        loop.runReady()
    }

    @Test("A port with a message handler lives though the program has dropped it, until its peer ends")
    func messageHandlerKeepsPortAlive() async throws {
        let (near, far) = try StreamSocket.pair()
        let peer = RawPeer(far)
        let owned = Owned()
        weak let witness = owned
        weak let line = try listen(on: near, owned)
        try await peer.send(Wire.text("still there?"))
        var next = calls.makeAsyncIterator()
        #expect(await next.next() == "still there?")
        #expect(witness != nil)
        try await peer.send(Wire.close(taken: 0))
        #expect(await next.next() == "closed")
        try await EventLoop.shared.catchUp()
        #expect(line == nil)
    }

    /// Makes a port whose handlers own what is given, and forgets it.
    private func listen(on socket: StreamSocket, _ owned: Owned, finishing: Bool = false) throws -> Line {
        let port = MessagePort(adopting: socket, on: try .shared)
        port.onMessage { [log] message in
            withExtendedLifetime(owned) {}
            log.yield(message.text ?? "?")
        }
        port.onClose { [log] in log.yield("\($0.code)") }
        if finishing { port.finish() }
        return port.line
    }

    private final class Owned: Sendable {}

    @Test(
        "Handlers and what they own are released at the port's end, however it ends",
        arguments: ["close", "nil", "transfer", "peer", "finish"])
    func handlersAreReleasedAtEnd(how: String) async throws {
        try await expectNoDescriptorLeak {
            let (mine, theirs) = try MessageChannel.makePair()
            weak let witness = try own(mine)
            #expect(witness != nil)
            switch how {
            case "close": mine.close()
            case "nil": mine.onMessage(nil)
            case "transfer": try MessageChannel.makePair().0.postMessage(.text("", transfer: [.port(mine)]))
            case "finish": theirs.finish()
            default: theirs.close()
            }
            while witness != nil, !Task.isCancelled { await Task.yield() }
            #expect(witness == nil)
        }
    }

    @Test("A finished port that the program has forgotten hears of the end once both sides have finished and taken all")
    func forgottenFinishedPortHearsOfEnd() async throws {
        let (near, theirs) = try StreamSocket.pair()
        let peer = RawPeer(theirs)
        weak let line = try listen(on: near, Owned(), finishing: true)
        try await peer.send(Wire.text("1") + Wire.finish)
        let said = Wire.finish + Wire.close(taken: 1)
        #expect(try await peer.receive(said.count) == said)
        try await peer.send(Wire.close(taken: 0))
        var next = calls.makeAsyncIterator()
        #expect(await next.next() == "1")
        #expect(await next.next() == "closed")
        while line != nil, !Task.isCancelled { await Task.yield() }
    }

    private func own(_ port: MessagePort) throws -> Owned {
        let owned = Owned()
        port.onMessage { _ in withExtendedLifetime((port, owned)) {} }
        return owned
    }

    private func first() async -> String? {
        var next = calls.makeAsyncIterator()
        return await next.next()
    }
}
