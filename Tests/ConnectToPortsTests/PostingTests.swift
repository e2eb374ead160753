import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectToPorts

@Suite("Posting on a port", .chosenExecutor, .timeLimit(.minutes(1)))
struct PostingTests {
    private static let mebibyte = [UInt8](repeating: 9, count: 1 << 20)

    @Test("Posting to a peer that never reads fills the queue up to 16 MiB, then throws queueFull")
    func postFillsQueueThenThrows() async throws {
        let (port, peer) = try RawPeer.withPort()
        var posted = 0
        let error = #expect(throws: PortError.self) {
            while posted < 100 {
                try port.postMessage(Self.mebibyte)
                posted += 1
            }
        }
        #expect(error?.code == .queueFull)
        #expect((16...17).contains(posted))
        #expect(port.bufferedAmount <= 16 << 20)
        #expect(port.bufferedAmount > 14 << 20)
        // Who was turned away has sent nothing, and the rest is whole.
        let stream = try await peer.receive(posted * (8 + 1 << 20))
        #expect(stream.count == posted * (8 + 1 << 20))
        try await port.flush()
        #expect(port.bufferedAmount == 0)
        try port.postMessage("room again")
        #expect(try await peer.receive(18) == Wire.text("room again"))
    }

    @Test("Bytes that were lent to a port are its own when postMessage returns, whether they were written or wait")
    func lentBytes() async throws {
        let channel = try MessageChannel()
        var memory = [UInt8](repeating: 0, count: 1_000)
        // More than the kernel takes, so that some wait here.
        for number in 0..<2_000 {
            for index in memory.indices { memory[index] = UInt8(truncatingIfNeeded: number) }
            try channel.port1.postMessage(memory.span.bytes)
        }
        try channel.port1.postMessage(RawSpan())
        for number in 0..<2_000 {
            let message = try await channel.port2.nextMessage()
            #expect(message?.bytes == [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 1_000))
        }
        let last = try await channel.port2.nextMessage()
        #expect(last?.kind == .bytes)
        #expect(last?.count == 0)
    }

    @Test("A port with nothing queued has room for any message")
    func emptyQueueTakesAnyMessage() throws {
        var limits = PortLimits()
        limits.queuedOutput = 10
        let (port, peer) = try RawPeer.withPort(limits: limits)
        defer { peer.die() }
        try port.postMessage(Self.mebibyte)
        let error = #expect(throws: PortError.self) { try port.postMessage("") }
        #expect(error?.code == .queueFull)
    }

    @Test("send waits for room, and goes on when the peer reads")
    func sendWaitsForRoom() async throws {
        var limits = PortLimits()
        limits.queuedOutput = 1_000
        let (port, peer) = try RawPeer.withPort(limits: limits)
        try port.postMessage(Self.mebibyte)
        let sending = Task { try await port.send("patient") }
        await port.untilTaskWaits(for: .room)
        #expect(try await peer.receive(8 + 1 << 20).count == 8 + 1 << 20)
        try await sending.joined()
        #expect(try await peer.receive(15) == Wire.text("patient"))
    }

    @Test("send from many tasks at once never finds the queue full")
    func concurrentSendsNeverFindQueueFull() async throws {
        var limits = PortLimits()
        limits.queuedOutput = 100_000
        let (port, peer) = try RawPeer.withPort(limits: limits)
        async let received = peer.receiveToEnd()
        try await withThrowingTaskGroup { group in
            for _ in 0..<40 {
                group.addTask {
                    for _ in 0..<10 { try await port.send(.bytes([UInt8](repeating: 1, count: 60_000))) }
                }
            }
            try await group.waitForAll()
        }
        port.close()
        #expect(try await received.count == 400 * 60_008 + 16)
    }

    @Test("A waiting send ends with the port", arguments: [true, false])
    func waitingSendEndsWithPort(here: Bool) async throws {
        let (port, peer) = try RawPeer.withPort()
        #expect(throws: PortError.self) { while true { try port.postMessage(Self.mebibyte) } }
        let sending = Task { try await port.send(.bytes(Self.mebibyte)) }
        await port.untilTaskWaits(for: .room)
        if here { port.close() } else { peer.die() }
        let error = await #expect(throws: PortError.self) { try await sending.joined() }
        #expect(error?.code == .closed)
        #expect(error?.reason?.code == (here ? .closed : .peerExited))
        await #expect(throws: PortError.self) { try await port.send("late") }
    }

    @Test("A message over the limit is refused at once, by postMessage and by send")
    func tooLargeMessageIsRefusedAtOnce() async throws {
        var limits = PortLimits()
        limits.messageLength = 1_000
        limits.queuedOutput = 1_000
        let (port, peer) = try RawPeer.withPort(limits: limits)
        defer { peer.die() }
        let tooLarge = [UInt8](repeating: 0, count: 1_001)
        while (try? port.postMessage([UInt8](repeating: 0, count: 1_000))) != nil {}
        #expect(throws: PortError.self) { try port.postMessage(tooLarge) }
        // The queue is full, and nobody reads: who waited for room first would wait for ever.
        let error = await #expect(throws: PortError.self) { try await port.send(.bytes(tooLarge)) }
        #expect(error?.code == .messageTooLarge)
    }

    @Test("Posting after finish is refused, in every form")
    func postAfterFinishIsRefused() async throws {
        let (port, peer) = try RawPeer.withPort()
        defer { peer.die() }
        port.finish()
        #expect(throws: PortError.self) { try port.postMessage("late") }
        #expect(throws: PortError.self) { try port.postMessage([1]) }
        let error = await #expect(throws: PortError.self) { try await port.send("late") }
        #expect(error?.code == .finished)
    }

    @Test("Posting on a port that is over returns false: the message was dropped", arguments: [true, false])
    func postOnEndedPortReturnsFalse(here: Bool) async throws {
        let (port, peer) = try RawPeer.withPort()
        if here { port.close() } else { peer.die() }
        try await port.waitUntilClosed()
        #expect(try !port.postMessage("dropped"))
        #expect(try !port.postMessage([1, 2, 3]))
        #expect(try !port.postMessage(.json("{}")))
        let file = try OpenFile(duplicating: 0)
        #expect(try !port.postMessage(.text("with a file", transfer: [.file(file)])))
        #expect(file.isDetached)
        var batch = MessageBatch()
        try batch.append("dropped")
        #expect(try !port.postMessages(batch))
        let error = await #expect(throws: PortError.self) { try await port.send("dropped") }
        #expect(error?.code == .closed)
        #expect(port.bufferedAmount == 0)
        if here { #expect(try await peer.receiveToEnd() == Wire.close(taken: 0)) }
    }

    @Test("An error of a port matches its code in a catch clause, without a cast, and no other code")
    func portErrorMatchesItsCodeInCatch() throws {
        var limits = PortLimits()
        limits.queuedOutput = 1_000
        let (port, peer) = try RawPeer.withPort(limits: limits)
        defer { peer.die() }
        var caught: [String] = []
        for _ in 0..<2 {
            do {
                while true { try port.postMessage(Self.mebibyte) }
            } catch PortError.Code.finished {
                caught.append("finished")
            } catch PortError.Code.queueFull {
                caught.append("queueFull")
                port.finish()
            } catch {
                throw error
            }
        }
        #expect(caught == ["queueFull", "finished"])
        #expect(!(PortError.Code.cancelled ~= CancellationError()))
    }

    @Test("How a port ended is a pattern for the errors that bring a reason, and for no others")
    func reasonPattern() async throws {
        let (port, peer) = try RawPeer.withPort()
        peer.die()
        try await port.waitUntilClosed()
        var caught = 0
        do {
            for try await _ in port.messages {}
        } catch CloseReason.Code.closed {
            Issue.record("the peer did not close")
        } catch CloseReason.Code.peerExited {
            caught += 1
        } catch {
            throw error
        }
        #expect(caught == 1)
        #expect(!(CloseReason.Code.peerExited ~= CancellationError()))
        #expect(!(CloseReason.Code.closed ~= PortError(.queueFull, "")))
    }

    @Test("A value that cannot be written as JSON throws notEncodable, and nothing is posted")
    func valueWithoutJSONFormIsNotPosted() async throws {
        let (port, peer) = try RawPeer.withPort()
        let error = #expect(throws: PortError.self) { try port.postMessage(.encoding(Double.nan)) }
        #expect(error?.code == .notEncodable)
        try port.postMessage(.json("{not checked"))
        port.close()
        #expect(try await peer.receiveToEnd() == Wire.json("{not checked") + Wire.close(taken: 0))
    }

    @Test("Posts from many tasks at once keep each task's order")
    func concurrentPostsKeepEachTasksOrder() async throws {
        let channel = try MessageChannel()
        let posters = 8
        let each = 500
        async let texts = channel.port2.takeAll().texts
        try await withThrowingTaskGroup { group in
            for poster in 0..<posters {
                group.addTask {
                    for number in 0..<each { try await channel.port1.send("\(poster) \(number)") }
                }
            }
            try await group.waitForAll()
        }
        channel.port1.finish()
        let received = await texts
        #expect(received.count == posters * each)
        for poster in 0..<posters {
            #expect(
                received.filter { $0.hasPrefix("\(poster) ") } == (0..<each).map { "\(poster) \($0)" })
        }
    }
}
