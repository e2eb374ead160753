import ConnectTo
import ConnectToMessaging
import ConnectToTestSupport
import Synchronization
import Testing

enum Sample {
    struct Pair: Codable, Sendable, Equatable {
        var a: Int
        var b: Int
    }

    static let add = Request<Pair, Int>("add")
    static let wait = Request<NoPayload, NoPayload>("wait")
    static let shout = Request<String, String>("shout")
    static let reverse = Request<[UInt8], [UInt8]>("reverse")
    static let count = StreamRequest<Int, Int>("count")
    static let news = Event<String>("news")
    static let nested = Request<Int, Int>("nested")
}

/// Two messengers on the two ends of one pair of sockets.
func makeMessengers(
    places: Int = 64
) throws -> (Messenger, Messenger) {
    var options = MessengerOptions()
    options.places = places
    let (a, b) = try MessageChannel.makePair()
    return (Messenger(a, options: options), Messenger(b, options: options))
}

@Suite("Messengers", .timeLimit(.minutes(1)))
struct MessengerTests {
    @Test("An optional of bytes or text is JSON in both directions, and arrives as it was")
    func optionals() async throws {
        let (a, b) = try makeMessengers()
        let bytes = Request<[UInt8]?, [UInt8]?>("bytes")
        let text = Request<String?, String?>("text")
        b.on(bytes) { bytes, _ in bytes }
        b.on(text) { text, _ in text }
        for value in [nil, [], [1, 2, 255]] as [[UInt8]?] { #expect(try await a.request(bytes, value) == value) }
        for value in [nil, "", "größe"] as [String?] { #expect(try await a.request(text, value) == value) }
    }

    @Test("A request is answered by the other side's handler, as JSON, text, bytes and nothing")
    func requestAndAnswer() async throws {
        let (caller, callee) = try makeMessengers()
        callee.on(Sample.add) { pair, _ in pair.a + pair.b }
        callee.on(Sample.shout) { text, _ in text.uppercased() + "!" }
        callee.on(Sample.reverse) { bytes, _ in bytes.reversed() }
        callee.on(Sample.wait) { _, _ in NoPayload() }
        #expect(try await caller.request(Sample.add, Sample.Pair(a: 2, b: 3)) == 5)
        #expect(try await caller.request(Sample.shout, "größer") == "GRÖSSER!")
        #expect(try await caller.request(Sample.reverse, [1, 2, 3]) == [3, 2, 1])
        #expect(try await caller.request(Sample.wait) == NoPayload())
    }

    @Test("Both sides of a line ask at the same time")
    func bothSidesAsk() async throws {
        let (a, b) = try makeMessengers()
        for side in [a, b] { side.on(Sample.add) { pair, _ in pair.a + pair.b } }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<200 {
                group.addTask {
                    let side = index % 2 == 0 ? a : b
                    let sum = try await side.request(Sample.add, Sample.Pair(a: index, b: 1))
                    #expect(sum == index + 1)
                }
            }
            try await group.waitForAll()
        }
    }

    @Test("Handlers start in the order of the requests, and answers come in any order")
    func orderOfHandlers() async throws {
        let (caller, callee) = try makeMessengers()
        let started = Mutex<[Int]>([])
        let (hasBegun, gate) = (Gate(), Gate())
        callee.on(Sample.nested) { number, _ in
            started.withLock { $0.append(number) }
            // The first waits for all others.
            if number == 0 {
                await hasBegun.open()
                await gate.wait()
            }
            return number
        }
        async let first = caller.request(Sample.nested, 0)
        await hasBegun.wait()
        for number in 1..<50 {
            async let answer = caller.request(Sample.nested, number)
            #expect(try await answer == number)
        }
        await gate.open()
        #expect(try await first == 0)
        #expect(started.withLock { $0 } == Array(0..<50))
    }

    @Test("A request of a type without a handler fails at once, and the line lives on")
    func unknownType() async throws {
        let (caller, callee) = try makeMessengers()
        callee.on(Sample.add) { pair, _ in pair.a + pair.b }
        await expectError(.unknownType) { try await caller.request(Sample.shout, "x") }
        #expect(try await caller.request(Sample.add, Sample.Pair(a: 1, b: 1)) == 2)
    }

    @Test("What a handler throws arrives: a CallFailure whole, any other error with its description")
    func failures() async throws {
        let (caller, callee) = try makeMessengers()
        callee.on(Sample.shout) { text, _ -> String in
            if text == "quiet" {
                throw CallFailure(.init(rawValue: "org.example.quiet"), "no", details: .json("{\"decibels\":0}"))
            }
            throw Unwell()
        }
        let failure = await expectError(.init(rawValue: "org.example.quiet")) {
            try await caller.request(Sample.shout, "quiet")
        }
        #expect(failure?.message == "no")
        #expect(failure?.details?.text == "{\"decibels\":0}")
        let other = await expectError(.handlerFailed) { try await caller.request(Sample.shout, "loud") }
        #expect(other?.message == "I am unwell")
    }

    @Test(
        "A question that does not decode fails with one sentence that says where, and nothing of the value there",
        arguments: [
            (#"{"a":1}"#, ".b is missing"), (#"{"a":1,"b":"secret"}"#, ".b is not of the type Int"),
            ("{", "it is not JSON"),
        ])
    func invalidPayload(json: String, place: String) async throws {
        let (caller, callee) = try makeMessengers()
        callee.on(Sample.add) { pair, _ in pair.a + pair.b }
        let failure = await expectError(.invalidPayload) { try await caller.request("add", .json(json)) }
        #expect(failure?.message == "the payload does not decode as Pair: \(place)")
    }

    @Test("Waiting for the end of a line ends at its limit and with its task, and the line lives on")
    func waitUntilClosed() async throws {
        let (caller, callee) = try makeMessengers()
        callee.on(Sample.wait) { _, _ in NoPayload() }
        await #expect { try await caller.waitUntilClosed(within: .milliseconds(20)) } throws: {
            PortError.Code.timedOut ~= $0
        }
        let waiting = Task.immediate { try await caller.waitUntilClosed() }
        waiting.cancel()
        await #expect { try await waiting.value } throws: { PortError.Code.cancelled ~= $0 }
        _ = try await caller.request(Sample.wait)
        callee.close()
        #expect(try await caller.waitUntilClosed().code == .closed)
    }

    @Test("A deadline ends the caller's wait and cancels the handler")
    func deadline() async throws {
        let (caller, callee) = try makeMessengers()
        let (started, cancelled) = (Gate(), Gate())
        callee.on(Sample.wait) { _, context in
            #expect((context.remainingTime ?? .seconds(100)) <= .seconds(1))
            await started.open()
            try? await Task.sleep(for: .seconds(100))
            if Task.isCancelled { await cancelled.open() }
            return NoPayload()
        }
        let failure = await expectError(.timedOut) { try await caller.request(Sample.wait, within: .seconds(1)) }
        #expect(failure?.stage == .sent)
        // On a busy machine the second may pass before the handler starts, and then it does not start at all.
        try await caller.barrier()
        if await started.isOpen { await cancelled.wait() }
    }

    @Test("A request whose time is over before its turn is never sent")
    func deadlineInTheQueue() async throws {
        let (caller, callee) = try makeMessengers(places: 1)
        let (started, gate) = (Gate(), Gate())
        callee.on(Sample.wait) { _, _ in
            await started.open()
            await gate.wait()
            return NoPayload()
        }
        async let first = caller.request(Sample.wait, within: .seconds(30))
        await started.wait()
        let failure = await expectError(.timedOut) {
            try await caller.request(Sample.nested, 1, within: .milliseconds(50))
        }
        #expect(failure?.stage == .waiting)
        await gate.open()
        _ = try await first
    }

    @Test("A cancelled task ends at once, and cancels the handler on the other side")
    func cancellation() async throws {
        let (caller, callee) = try makeMessengers()
        let (started, cancelled) = waitUntilCancelled(callee)
        let task = Task { try await caller.request(Sample.wait) }
        await started.wait()
        task.cancel()
        await expectError(.cancelled) { try await task.value }
        await cancelled.wait()
    }

    @Test("A request of a task that was cancelled before is never sent")
    func cancelledBeforeAsking() async throws {
        let (caller, callee) = try makeMessengers()
        let (started, _) = waitUntilCancelled(callee)
        let gate = Gate()
        let task = Task {
            await gate.wait()
            return try await caller.request(Sample.wait)
        }
        task.cancel()
        await gate.open()
        let error = await expectError(.cancelled) { try await task.value }
        #expect(error?.stage == .waiting)
        try await caller.barrier()
        #expect(await !started.isOpen)
    }

    @Test("The end of the line ends every request that waits, and cancels every handler")
    func endOfTheLine() async throws {
        let (caller, callee) = try makeMessengers()
        let (started, cancelled) = waitUntilCancelled(callee)
        let task = Task { try await caller.request(Sample.wait) }
        await started.wait()
        callee.close()
        let error = await expectError(.lineEnded) { _ = try await task.value }
        #expect(error?.reason?.code == .closed)
        await cancelled.wait()
        await expectError(.lineEnded) { try await caller.request(Sample.wait) }
    }

    @Test("A stream gives its elements in order and ends, however many they are")
    func stream() async throws {
        let (caller, callee) = try makeMessengers()
        callee.on(Sample.count) { limit, answers, _ in
            for number in 0..<limit { try await answers.yield(number) }
        }
        var numbers: [Int] = []
        for try await number in try caller.stream(Sample.count, 100) { numbers.append(number) }
        #expect(numbers == Array(0..<100))
    }

    @Test("A stream's elements may be text and bytes")
    func streamsOfTextAndBytes() async throws {
        let (caller, callee) = try makeMessengers()
        let words = StreamRequest<NoPayload, String>("words")
        let blocks = StreamRequest<NoPayload, [UInt8]>("blocks")
        callee.on(words) { _, answers, _ in for word in ["a", "größer"] { try await answers.yield(word) } }
        callee.on(blocks) { _, answers, _ in try await answers.yield([1, 2]) }
        var texts: [String] = []
        for try await word in try caller.stream(words, NoPayload()) { texts.append(word) }
        #expect(texts == ["a", "größer"])
        var bytes: [[UInt8]] = []
        for try await block in try caller.stream(blocks, NoPayload()) { bytes.append(block) }
        #expect(bytes == [[1, 2]])
    }

    @Test("A stream's handler runs no more than sixteen elements ahead, and is cancelled when the loop is left")
    func slowStream() async throws {
        let (caller, callee) = try makeMessengers()
        let ahead = Mutex(0)
        let cancelled = Gate()
        callee.on(Sample.count) { _, answers, _ in
            do {
                while true {
                    try await answers.yield(ahead.withLock(\.self))
                    ahead.withLock { $0 += 1 }
                }
            } catch {
                await cancelled.open()
                throw error
            }
        }
        for try await _ in try caller.stream(Sample.count, 0) {
            // All that the handler can do has been done when a later request is answered.
            callee.on(Sample.add) { pair, _ in pair.a + pair.b }
            _ = try await caller.request(Sample.add, Sample.Pair(a: 1, b: 1))
            break
        }
        await cancelled.wait()
        #expect(ahead.withLock(\.self) <= 16)
    }

    @Test("A stream asked for as one answer fails, and one answer asked for as a stream is its only element")
    func streamOrNot() async throws {
        let (caller, callee) = try makeMessengers()
        callee.on(Sample.count) { _, answers, _ in try await answers.yield(1) }
        callee.on(Sample.nested) { number, _ in number * 2 }
        await expectError(.manyAnswers) { try await caller.request("count", .json("1")) }
        var numbers: [Int] = []
        for try await number in try caller.stream(StreamRequest<Int, Int>("nested"), 21) { numbers.append(number) }
        #expect(numbers == [42])
    }

    @Test("Events arrive in order, and a barrier returns when all before it have")
    func events() async throws {
        let (caller, callee) = try makeMessengers()
        let heard = Mutex<[String]>([])
        callee.on(Sample.news) { text, _ in heard.withLock { $0.append(text) } }
        for number in 0..<1_000 { try caller.post(Sample.news, "\(number)") }
        try await caller.barrier()
        #expect(heard.withLock { $0 } == (0..<1_000).map(String.init))
    }

    @Test("An event without a handler is told of")
    func unknownEvent() async throws {
        let (caller, callee) = try makeMessengers()
        let types = Mutex<[String]>([])
        callee.onUnknown { type, _, _ in types.withLock { $0.append(type) } }
        try caller.post(Sample.news, "x")
        try await caller.barrier()
        #expect(types.withLock { $0 } == ["news"])
    }

    @Test("A program that takes events slowly has further ones refused, and its answers still arrive")
    func slowEvents() async throws {
        let (caller, callee) = try makeMessengers()
        let gate = Gate()
        callee.on(Event<[UInt8]>("bulk")) { _, _ in await gate.wait() }
        caller.on(Sample.add) { pair, _ in pair.a + pair.b }
        let megabyte = [UInt8](repeating: 7, count: 1 << 20)
        await expectError(.queueFull) { for _ in 0..<1_000 { try caller.post(Event<[UInt8]>("bulk"), megabyte) } }
        #expect(try await callee.request(Sample.add, Sample.Pair(a: 1, b: 2)) == 3)
        await gate.open()
        try await caller.barrier(within: .seconds(30))
        try caller.post(Event<[UInt8]>("bulk"), megabyte)
    }

    @Test("Programs that call each other from all their handlers do not stand still", arguments: [1, 64])
    func mutualCalls(places: Int) async throws {
        let (a, b) = try makeMessengers(places: places)
        for (side, other) in [(a, b), (b, a)] {
            side.on(Sample.nested) { [weak other] depth, _ in
                guard depth > 0, let other else { return 0 }
                return try await other.request(Sample.nested, depth - 1) + 1
            }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<100 {
                group.addTask {
                    let depth = try await (index % 2 == 0 ? a : b).request(Sample.nested, 4)
                    #expect(depth == 4)
                }
            }
            try await group.waitForAll()
        }
    }

    @Test("More requests than places wait, and each is answered")
    func morethanPlaces() async throws {
        let (caller, callee) = try makeMessengers(places: 2)
        let running = Mutex(0)
        let most = Mutex(0)
        callee.on(Sample.nested) { number, _ in
            let now = running.withLock { running in
                running += 1
                return running
            }
            most.withLock { $0 = max($0, now) }
            await Task.yield()
            running.withLock { $0 -= 1 }
            return number
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<100 {
                group.addTask {
                    let answer = try await caller.request(Sample.nested, index)
                    #expect(answer == index)
                }
            }
            try await group.waitForAll()
        }
        #expect(most.withLock { $0 } <= 2)
    }

    @Test("A plain port on the other side ends the line as a protocol error that says so")
    func plainPort() async throws {
        let (a, b) = try MessageChannel.makePair()
        let messenger = Messenger(a)
        try b.postMessage("hello?")
        let error = await expectError(.lineEnded) { try await messenger.request(Sample.wait) }
        #expect(error?.reason?.code == .protocolError)
        #expect(try await messenger.waitUntilClosed().code == .protocolError)
        _ = try await b.waitUntilClosed()
    }

    @Test("A messenger that is dropped closes its line")
    func droppedMessenger() async throws {
        let (a, b) = try MessageChannel.makePair()
        _ = Messenger(a)
        #expect(try await b.waitUntilClosed().code == .closed)
    }
}

/// Lets a messenger answer `Sample.wait` only when it is cancelled.
///
/// - Returns: what opens when the handler has started, and when it was cancelled.
private func waitUntilCancelled(_ callee: Messenger) -> (started: Gate, cancelled: Gate) {
    let (started, cancelled) = (Gate(), Gate())
    callee.on(Sample.wait) { _, _ in
        await started.open()
        try? await Task.sleep(for: .seconds(100))
        if Task.isCancelled { await cancelled.open() }
        return NoPayload()
    }
    return (started, cancelled)
}

private struct Unwell: Error, CustomStringConvertible {
    var description: String { "I am unwell" }
}

/// Closed until it is opened; then it stays open.
actor Gate {
    private(set) var isOpen = false
    private var waiters: [CheckedContinuation<Void, Never>] = []

    func open() {
        isOpen = true
        for waiter in waiters { waiter.resume() }
        waiters = []
    }

    func wait() async {
        if isOpen { return }
        await withCheckedContinuation { waiters.append($0) }
    }
}
