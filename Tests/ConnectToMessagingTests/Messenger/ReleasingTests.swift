import ConnectTo
import ConnectToLinux
import ConnectToMessaging
import ConnectToTestSupport
import ConnectToTesting
import Testing

@Suite("Releasing a line", .timeLimit(.minutes(1)))
struct ReleasingTests {
    @Test("A line is handed over ten times while the other side streams: all arrives, once, in order")
    func tenTimes() async throws {
        try await expectNoDescriptorLeak {
            let (mine, theirs) = try MessageChannel.makePair()
            let numbers = Numbers()
            let sender = Messenger(theirs)
            let streaming = Stream(to: sender)
            var owner = Messenger(mine, handlers: numbers.handlers)
            for hop in 1...10 {
                await numbers.wait(until: hop * 100)
                let port = try await owner.release(within: .seconds(30))
                #expect(owner.closeReason?.code == .transferred)
                #expect(port.isOpen)
                owner = Messenger(port, handlers: numbers.handlers)
            }
            await numbers.wait(until: 1_100)
            let sent = try await streaming.stop()
            try await sender.barrier(within: .seconds(30))
            #expect(numbers.all == Array(0..<sent))
            owner.close()
            sender.close()
        }
    }

    @Test("A peer is handed over ten times between two hubs while it streams: all arrives, once, in order")
    func betweenHubs() async throws {
        let numbers = Numbers()
        let hubs = [Hub(handlers: numbers.handlers), Hub(handlers: Handlers())]
        hubs[1].handlers.onRequest("number") { payload, context in try numbers.take(payload) }
        hubs[1].handlers.onEvent("number") { payload, _ in _ = try? numbers.take(payload) }
        let (mine, theirs) = try MessageChannel.makePair()
        let sender = Messenger(theirs)
        let streaming = Stream(to: sender)
        try hubs[0].adopt(mine, as: "widget")
        for hop in 1...10 {
            await numbers.wait(until: hop * 100)
            let (from, to) = (hubs[(hop + 1) % 2], hubs[hop % 2])
            let port = try await from.release("widget", within: .seconds(30))
            #expect(from["widget"] == nil)
            try to.adopt(port, as: "widget")
        }
        let sent = try await streaming.stop()
        try await sender.barrier(within: .seconds(30))
        #expect(numbers.all == Array(0..<sent))
        await expectError(.unknownPeer) { try await hubs[1].release("widget") }
    }

    @Test("A peer of a hub hands its line over ten times while the hub broadcasts: all arrives, once, in order")
    func underBroadcasts() async throws {
        let numbers = Numbers()
        let hub = Hub()
        let (mine, theirs) = try MessageChannel.makePair()
        try hub.adopt(theirs, as: "widget")
        var owner = Messenger(mine, handlers: numbers.handlers)
        let sending = Task {
            for number in 0..<2_000 {
                let skipped = try hub.broadcast("number", .json("\(number)"))
                #expect(skipped.isEmpty)
                if number % 20 == 0 { await Task.yield() }
            }
        }
        for hop in 1...10 {
            await numbers.wait(until: hop * 100)
            owner = Messenger(try await owner.release(within: .seconds(30)), handlers: numbers.handlers)
        }
        try await sending.value
        await numbers.wait(until: 2_000)
        #expect(numbers.all == Array(0..<2_000))
        #expect(owner.closeReason == nil)
    }

    @Test(
        "A line is handed over to another process while the other side streams: all arrives, once, in order",
        .privateBus)
    func toAnotherProcess() async throws {
        try await withPeer("heir", "heir") { peer in
            #expect(await peer.line() == "listening")
            let connection = try await Bus.at(PrivateBus.current.address)
            let (mine, theirs) = try MessageChannel.makePair()
            let numbers = Numbers()
            let sender = Messenger(theirs)
            let streaming = Stream(to: sender)
            let owner = Messenger(mine, handlers: numbers.handlers)
            await numbers.wait(until: 100)
            let port = try await owner.release(within: .seconds(30))
            let messenger = connection.connectTo("heir")
            try await messenger.waitUntilOpen()
            try messenger.postMessage(.text("take over", transfer: [.port(port)]))
            while try await sender.request("count", within: .seconds(30)).text != "1000" { await Task.yield() }
            let sent = try await streaming.stop()
            let rest = try await sender.request("all", within: .seconds(30)).text
            #expect(numbers.all + [numbers.all.count] == Array(0...numbers.all.count))
            #expect(rest == "\(numbers.all.count) to \(sent - 1), in order")
            sender.close()
            await connection.close()
        }
    }

    @Test("A line is not released while a request is under way, and goes on with what has waited")
    func timeIsOver() async throws {
        let (a, b) = try makeMessengers()
        let gate = Gate()
        let started = Gate()
        a.on(Sample.wait) { _, _ in
            await started.open()
            await gate.wait()
            return NoPayload()
        }
        a.on(Sample.add) { pair, _ in pair.a + pair.b }
        async let waiting = b.request(Sample.wait, within: .seconds(30))
        await started.wait()
        let releasing = Task.immediate { try await a.release(within: .seconds(1)) }
        try await a.barrier()
        // The other side is held, until the time is over.
        let held = await expectError(.timedOut) {
            try await b.request(Sample.add, Sample.Pair(a: 1, b: 2), within: .milliseconds(50))
        }
        #expect(held?.stage == .waiting)
        async let sum = b.request(Sample.add, Sample.Pair(a: 1, b: 2), within: .seconds(30))
        let error = await expectError(.timedOut) { try await releasing.value }
        #expect(error?.message.contains("0 requests of this program and 1 of the other one") == true)
        #expect(try await sum == 3)
        await gate.open()
        _ = try await waiting
        // Once nothing is under way it can be released after all.
        let port = try await a.release(within: .seconds(30))
        #expect(port.isOpen)
    }

    @Test("A release that is cancelled lets the line go on")
    func cancelled() async throws {
        let (a, b) = try makeMessengers()
        let (started, gate) = (Gate(), Gate())
        b.on(Sample.wait) { _, _ in
            await started.open()
            await gate.wait()
            return NoPayload()
        }
        for side in [a, b] { side.on(Sample.add) { pair, _ in pair.a + pair.b } }
        async let waiting = a.request(Sample.wait, within: .seconds(30))
        await started.wait()
        let releasing = Task.immediate { try await a.release(within: .seconds(30)) }
        await expectError(.alreadyReleasing) { try await a.release() }
        releasing.cancel()
        await expectError(.cancelled) { try await releasing.value }
        // Also the side that was held.
        for side in [a, b] { #expect(try await side.request(Sample.add, Sample.Pair(a: 1, b: 2)) == 3) }
        await gate.open()
        _ = try await waiting
        a.close()
        await expectError(.lineEnded) { try await a.release() }
    }

    @Test("Both sides release a line at the same time, and both new owners talk")
    func bothSides() async throws {
        for _ in 0..<20 {
            let (a, b) = try makeMessengers()
            // One may be asked when its end has been handed over already: then the next owner answers.
            async let first = Messenger(try await a.release(within: .seconds(30)))
            async let second = Messenger(try await b.release(within: .seconds(30)))
            let (c, d) = (try await first, try await second)
            for side in [c, d] { side.on(Sample.add) { pair, _ in pair.a + pair.b } }
            #expect(try await c.request(Sample.add, Sample.Pair(a: 1, b: 2), within: .seconds(30)) == 3)
            #expect(try await d.request(Sample.add, Sample.Pair(a: 3, b: 4), within: .seconds(30)) == 7)
        }
    }

    @Test("Waiting for the end of a released line is over at once, though the port goes on with its new owner")
    func waitUntilClosed() async throws {
        let (mine, theirs) = try MessageChannel.makePair()
        let other = Messenger(theirs)
        let owner = Messenger(mine)
        let waiting = Task.immediate { try await owner.waitUntilClosed(within: .seconds(20)) }
        let port = try await owner.release()
        #expect(try await waiting.value.code == .transferred)
        #expect(try await owner.waitUntilClosed().code == .transferred)
        #expect(port.isOpen)
        withExtendedLifetime(other) {}
    }

    @Test("A side that releases its end while the other one has no owner does so when that has one again")
    func betweenOwners() async throws {
        let (a, b) = try makeMessengers()
        b.on(Sample.add) { pair, _ in pair.a + pair.b }
        let port = try await a.release(within: .seconds(30))
        let releasing = Task.immediate { try await b.release(within: .seconds(30)) }
        let c = Messenger(port)
        let d = Messenger(try await releasing.value, handlers: b.handlers)
        #expect(try await c.request(Sample.add, Sample.Pair(a: 1, b: 2), within: .seconds(30)) == 3)
        withExtendedLifetime(d) {}
    }

    @Test("However often a line was handed over, a slow owner gets no more than its window, and all of it in the end")
    func window() async throws {
        var options = MessengerOptions()
        options.window = 100_000
        let (mine, theirs) = try MessageChannel.makePair()
        let sender = Messenger(theirs)
        var owner = Messenger(mine, options: options)
        for _ in 0..<5 {
            owner = Messenger(try await owner.release(within: .seconds(30)), options: options)
            try await sender.barrier(within: .seconds(30))
        }
        let gate = Gate()
        let handled = Lock(0)
        owner.onEvent("bulk") { _, _ in
            await gate.wait()
            handled.withLock { $0 += 1 }
        }
        // Ten times the window: an owner that gets more than that ends the line.
        for _ in 0..<100 { try sender.post("bulk", .bytes([UInt8](repeating: 0, count: 10_000))) }
        // All that has been sent by now is here.
        try await owner.barrier(within: .seconds(30))
        await gate.open()
        try await sender.barrier(within: .seconds(30))
        while handled.withLock(\.self) < 100 { await Task.yield() }
        #expect(owner.closeReason == nil && sender.closeReason == nil)
    }

    @Test("A released messenger that is dropped leaves the port open")
    func dropped() async throws {
        let (mine, theirs) = try MessageChannel.makePair()
        let other = Messenger(theirs)
        other.on(Sample.add) { pair, _ in pair.a + pair.b }
        let port = try await Messenger(mine).release()
        let next = Messenger(port)
        #expect(try await next.request(Sample.add, Sample.Pair(a: 1, b: 2)) == 3)
    }
}

/// The numbers that a side has received, in events and requests.
private final class Numbers: Sendable {
    private struct State {
        var all: [Int] = []
        var waiting: (count: Int, latch: Latch<Void>)?
    }

    let handlers = Handlers()
    private let state = Lock(State())

    init() {
        handlers.onRequest("number") { [unowned self] payload, _ in try take(payload) }
        handlers.onEvent("number") { [unowned self] payload, _ in _ = try? take(payload) }
    }

    var all: [Int] { state.withLock { $0.all } }

    func take(_ payload: Payload) throws -> OutgoingMessage? {
        let number = try payload.decode(Int.self)
        let reached: Latch<Void>? = state.withLock { state in
            state.all.append(number)
            guard let waiting = state.waiting, state.all.count >= waiting.count else { return nil }
            state.waiting = nil
            return waiting.latch
        }
        reached?.set()
        return nil
    }

    /// Waits until so many have come.
    func wait(until count: Int) async {
        let latch = Latch<Void>()
        let mustWait = state.withLock { state in
            if state.all.count >= count { return false }
            state.waiting = (count, latch)
            return true
        }
        if mustWait { _ = await latch.wait() }
    }
}

/// A task that sends numbers, as events and now and then as a request, until it is stopped.
private final class Stream: Sendable {
    private let isStopped = Latch<Void>()
    private let task: Task<Int, any Error>

    init(to messenger: Messenger) {
        task = Task { [isStopped] in
            var number = 0
            while isStopped.value == nil {
                if number % 10 == 9 {
                    _ = try await messenger.request("number", .json("\(number)"), within: .seconds(30))
                } else {
                    try messenger.post("number", .json("\(number)"))
                }
                number += 1
            }
            return number
        }
    }

    /// - Returns: how many numbers it has sent.
    func stop() async throws -> Int {
        isStopped.set()
        return try await task.value
    }
}
