import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectToPorts

@Suite("A cancelled wait on a port", .chosenExecutor, .timeLimit(.minutes(1)))
struct CancellationTests {
    @Test("A cancelled wait for a message throws at once, which is not the end: the port lives on")
    func cancelledNextThrows() async throws {
        let (port, peer) = try RawPeer.withPort()
        let taking = Task { try await port.take() }
        await port.untilTaskWaits(for: .input)
        taking.cancel()
        await #expect(throws: CancellationError.self) { try await taking.joined() }
        #expect(port.line.read { $0.waiters.count(.input) == 0 })
        #expect(port.closeReason == nil && !port.peerHasFinished)
        try await peer.send(Wire.text("still here"))
        #expect(try await port.take()?.text == "still here")
    }

    @Test("A cancelled loop over messages throws soon, also while a peer sends without a pause")
    func cancelledNextThrowsDuringFlood() async throws {
        let channel = try MessageChannel()
        var batch = MessageBatch()
        for _ in 0..<10_000 { try batch.append("x") }
        try channel.port1.postMessages(batch)
        channel.port1.finish()
        let count = Lock(0)
        let taking = Task {
            for try await _ in channel.port2.messages {
                count.withLock { $0 += 1 }
                withUnsafeCurrentTask { $0?.cancel() }
            }
        }
        await #expect(throws: CancellationError.self) { try await taking.joined() }
        // What had been lent to it already: one drain's.
        let taken = count.withLock(\.self)
        #expect(taken <= 1_000)
        var rest = 0
        for try await _ in channel.port2.messages { rest += 1 }
        #expect(taken + rest == 10_000)
    }

    @Test("A cancelled wait for room throws at once, and nothing is posted")
    func cancelledSendPostsNothing() async throws {
        let (port, peer) = try RawPeer.withPort()
        let block = [UInt8](repeating: 0, count: 1 << 20)
        var posted = 0
        while (try? port.postMessage(block)) != nil { posted += 1 }
        let sending = Task { try await port.send(.bytes(block)) }
        await port.untilTaskWaits(for: .room)
        sending.cancel()
        let error = await #expect(throws: PortError.self) { try await sending.joined() }
        #expect(error?.code == .cancelled)
        #expect(port.line.read { $0.waiters.count(.room) == 0 })
        port.finish()
        #expect(try await peer.receive(posted * (block.count + 8) + 8).suffix(8) == Wire.finish[...])
    }

    @Test("A cancelled wait for a port's end throws at once, and the port has not ended")
    func cancelledWaitUntilClosed() async throws {
        let (port, peer) = try RawPeer.withPort()
        defer { peer.die() }
        let waiting = Task { try await port.waitUntilClosed() }
        await port.untilTaskWaits(for: .end)
        waiting.cancel()
        let error = await #expect(throws: PortError.self) { try await waiting.joined() }
        #expect(error?.code == .cancelled)
        #expect(port.closeReason == nil)
        #expect(port.line.read { $0.waiters.count(.end) == 0 })
    }

    @Test("A cancelled wait for a port's opening throws at once, and the port may still open")
    func cancelledWaitUntilOpen() async throws {
        let (port, introduction) = MessagePort.opening(on: try .shared)
        let waiting = Task { try await port.waitUntilOpen() }
        await port.untilTaskWaits(for: .opening)
        waiting.cancel()
        let error = await #expect(throws: PortError.self) { try await waiting.joined() }
        #expect(error?.code == .cancelled)
        #expect(port.line.read { $0.waiters.count(.opening) == 0 })
        introduction.didOpen()
        try await port.waitUntilOpen()
    }

    @Test("A cancelled flush returns at once")
    func cancelledFlush() async throws {
        let (port, peer) = try RawPeer.withPort()
        defer { peer.die() }
        try port.postMessage([UInt8](repeating: 0, count: 4 << 20))
        let flushing = Task { try await port.flush() }
        await port.untilTaskWaits(for: .flush)
        flushing.cancel()
        let error = await #expect(throws: PortError.self) { try await flushing.joined() }
        #expect(error?.code == .cancelled)
        #expect(port.bufferedAmount > 0)
        #expect(port.line.read { $0.waiters.count(.flush) == 0 })
    }

    @Test("A task that was cancelled before it waits on a port does not wait")
    func taskCancelledBeforeDoesNotWait() async throws {
        let (port, peer) = try RawPeer.withPort()
        defer { peer.die() }
        let (opening, introduction) = MessagePort.opening(on: try .shared)
        try port.postMessage([UInt8](repeating: 0, count: 17 << 20))
        await withTaskCancellation {
            let end = await #expect(throws: PortError.self) { try await port.waitUntilClosed() }
            #expect(end?.code == .cancelled)
            let flush = await #expect(throws: PortError.self) { try await port.flush() }
            #expect(flush?.code == .cancelled)
            await #expect(throws: CancellationError.self) { try await port.take() }
            await #expect(throws: CancellationError.self) { try await port.nextMessage() }
            let send = await #expect(throws: PortError.self) { try await port.send("no room") }
            #expect(send?.code == .cancelled)
            let open = await #expect(throws: PortError.self) { try await opening.waitUntilOpen() }
            #expect(open?.code == .cancelled)
        }
        introduction.failUnlessOpen(CloseReason(.cancelled, detail: "the test is over"))
    }

    @Test("A message that comes while a wait is cancelled goes to the cancelled task, or to the next that takes")
    func cancellationLosesNoMessage() async throws {
        let channel = try MessageChannel()
        for round in 0..<500 {
            let first = Task { try await round.isMultiple(of: 3) ? channel.port2.nextMessage() : channel.port2.take() }
            if round.isMultiple(of: 2) { await channel.port2.untilTaskWaits(for: .input) }
            async let posting = channel.port1.postMessage("\(round)")
            first.cancel()
            _ = try await posting
            var text: String?
            do {
                text = try await first.joined()?.text
            } catch is CancellationError {
                text = try await channel.port2.take()?.text
            }
            #expect(text == "\(round)")
        }
        #expect(channel.port2.line.read { $0.waiters.count(.input) == 0 })
    }

    @Test("A task that is cancelled after it was woken for a message still gets the message")
    func cancelledAfterWakeUpKeepsMessage() async throws {
        let (port, peer) = try RawPeer.withPort()
        // The task runs only when this loop is turned: it can be caught between the two.
        let loop = try EventLoop.makeDrivenByForeignLoop()
        let first = Task(executorPreference: loop.executor) { try await port.take() }
        loop.runReady()
        #expect(port.line.read { $0.waiters.count(.input) } == 1)
        try await peer.send(Wire.text("one") + Wire.text("two"))
        await (try EventLoop.shared).catchUp()
        #expect(port.line.read { $0.waiters.count(.input) } == 0)
        first.cancel()
        loop.runReady()
        #expect(try await first.joined()?.text == "one")
        #expect(try await port.take()?.text == "two")
    }

    /// Runs a closure in a task that is cancelled before it runs.
    private func withTaskCancellation(_ body: @escaping @Sendable () async -> Void) async {
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            await body()
        }
        await task.joined()
    }
}
