import ConnectTo
import ConnectToTestSupport
import ConnectToTesting
import Synchronization
import Testing

@testable import ConnectToMessaging

@Suite("Lanes", .timeLimit(.minutes(1)))
struct LaneTests {
    private static let bulk = Event<[UInt8]>("bulk")

    @Test(
        "What is urgent arrives while the line is full and its events wait", arguments: [true, false])
    func urgent(opensBefore: Bool) async throws {
        let (a, b) = try makeMessengers()
        let (gate, heard) = (Gate(), Gate())
        b.on(Self.bulk) { _, _ in await gate.wait() }
        b.on(Sample.news) { _, _ in await heard.open() }
        b.on(Sample.add) { pair, _ in pair.a + pair.b }
        if opensBefore { _ = try a.urgent }
        // Only with the other side's hello is it sure that events wait, and not all go out when that comes.
        try await a.barrier()
        let megabyte = [UInt8](repeating: 7, count: 1 << 20)
        await expectError(.queueFull) { for _ in 0..<1_000 { try a.post(Self.bulk, megabyte) } }
        // On the line itself it would wait.
        await expectError(.timedOut) {
            try await a.request(Sample.add, Sample.Pair(a: 1, b: 2), within: .milliseconds(50))
        }
        try a.urgent.post(Sample.news, "now")
        await heard.wait()
        #expect(try await a.urgent.request(Sample.add, Sample.Pair(a: 1, b: 2)) == 3)
        await gate.open()
        try await a.barrier(within: .seconds(30))
    }

    @Test("Both sides have lanes, with the handlers of the line, and handlers ask back on the line")
    func bothSides() async throws {
        let (a, b) = try makeMessengers()
        for side in [a, b] {
            side.on(Sample.add) { pair, _ in pair.a + pair.b }
            side.on(Sample.wait) { [weak side] _, context in
                #expect(context.messenger === side)
                return NoPayload()
            }
        }
        for side in [a, b] {
            #expect(try await side.urgent.request(Sample.add, Sample.Pair(a: 1, b: 2)) == 3)
            _ = try await side.urgent.request(Sample.wait)
            #expect(try side.urgent === side.urgent)
            #expect(try side.urgent === side.urgent.urgent)
        }
    }

    @Test("Threads that use the lane for the first time at once get the same one")
    func atOnce() async throws {
        for _ in 0..<20 {
            let (a, b) = try makeMessengers()
            b.on(Sample.add) { pair, _ in pair.a + pair.b }
            let lanes = try await withThrowingTaskGroup(of: ObjectIdentifier.self) { group in
                for index in 0..<8 {
                    group.addTask {
                        let lane = try a.urgent
                        #expect(try await lane.request(Sample.add, Sample.Pair(a: index, b: 1)) == index + 1)
                        return ObjectIdentifier(lane)
                    }
                }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(lanes.count == 1)
        }
    }

    @Test(
        "A lane that ends leaves the line alone, and the end of the line ends its lanes"
    )
    func ends() async throws {
        try await expectNoDescriptorLeak {
            let (a, b) = try makeMessengers()
            let started = Gate()
            for side in [a, b] {
                side.on(Sample.add) { pair, _ in pair.a + pair.b }
                side.on(Sample.wait) { _, _ in
                    await started.open()
                    try await Task.sleep(for: .seconds(100))
                    return NoPayload()
                }
            }
            #expect(try await a.urgent.request(Sample.add, Sample.Pair(a: 1, b: 2)) == 3)
            try a.urgent.close()
            await expectError(.lineEnded) {
                try await a.urgent.request(Sample.add, Sample.Pair(a: 1, b: 2))
            }
            #expect(try await a.request(Sample.add, Sample.Pair(a: 1, b: 2)) == 3)

            let waiting = Task { try await b.urgent.request(Sample.wait, within: nil) }
            await started.wait()
            a.close()
            let error = await expectError(.lineEnded) { try await waiting.value }
            #expect(error?.stage == .sent)
            _ = try await b.waitUntilClosed()
            await expectError(.lineEnded) { try await b.request(Sample.wait) }
            #expect(try b.urgent.post(Sample.news, "x") == false)
        }
    }

    @Test("A side that closes its lane's port ends the requests on it alone")
    func sideWithoutUse() async throws {
        let (port, far) = try MessageChannel.makePair()
        let a = Messenger(port)
        try far.postMessage(Envelope.Operation.hello(.least).head.message())
        let lane = try a.urgent
        var messages = far.messages.makeAsyncIterator()
        while let message = try await messages.next() {
            guard let port = message.ports.first else { continue }
            port.close()
            break
        }
        await expectError(.lineEnded) { try await lane.request(Sample.wait) }
        #expect(a.closeReason == nil)
    }

    @Test("A line that breaks off ends its lanes with its own reason")
    func lineBreaksOff() async throws {
        let (port, far) = try MessageChannel.makePair()
        let a = Messenger(port)
        try far.postMessage(Envelope.Operation.hello(.least).head.message())
        let urgent = try a.urgent
        let waiting = Task.immediate { try await urgent.request(Sample.wait, within: nil) }
        // Kept, so that the lane does not end by itself.
        var lane: MessagePort?
        var messages = far.messages.makeAsyncIterator()
        while lane == nil, let message = try await messages.next() { lane = message.ports.first }
        try far.postMessage("a plain port's message")
        let error = await expectError(.lineEnded) { try await waiting.value }
        #expect(error?.reason?.code == .protocolError)
        withExtendedLifetime(lane) {}
    }

    @Test("A second lane breaks the protocol")
    func secondLane() async throws {
        let (port, far) = try MessageChannel.makePair()
        let a = Messenger(port)
        try far.postMessage(Envelope.Operation.hello(.least).head.message())
        for _ in 0..<2 {
            let (_, end) = try MessageChannel.makePair()
            var message = Head(.lane).message()
            message.transfer = [.port(end)]
            try far.postMessage(message)
        }
        _ = try await a.waitUntilClosed()
        #expect(a.closeReason?.code == .protocolError)
    }

    @Test("A line with an open lane is not released, and one whose lane has ended is")
    func release() async throws {
        let (a, b) = try makeMessengers()
        b.on(Sample.add) { pair, _ in pair.a + pair.b }
        #expect(try await a.urgent.request(Sample.add, Sample.Pair(a: 1, b: 2)) == 3)
        await expectError(.laneOpen) { try await a.release() }
        try a.urgent.close()
        let next = Messenger(try await a.release())
        // The new owner may open another one.
        #expect(try await next.urgent.request(Sample.add, Sample.Pair(a: 1, b: 2)) == 3)
    }

    @Test("A lane that is asked for while the line rests is opened to the new owner")
    func laneInARest() async throws {
        let (a, b) = try makeMessengers()
        let handlers = Handlers()
        handlers.on(Sample.add) { pair, _ in pair.a + pair.b }
        let (started, gate) = (Gate(), Gate())
        b.on(Sample.wait) { _, _ in
            await started.open()
            await gate.wait()
            return NoPayload()
        }
        async let waiting = a.request(Sample.wait, within: .seconds(30))
        await started.wait()
        let releasing = Task.immediate { try await a.release(within: .seconds(30)) }
        try await a.barrier()
        let asking = Task.immediate {
            try await b.urgent.request(Sample.add, Sample.Pair(a: 1, b: 2), within: .seconds(30))
        }
        await gate.open()
        _ = try await waiting
        let next = Messenger(try await releasing.value, handlers: handlers)
        #expect(try await asking.value == 3)
        next.close()
    }
}
