import ConnectTo
import ConnectToMessaging
import ConnectToTestSupport
import ConnectToTesting
import Synchronization
import Testing

@Suite("Handlers", .timeLimit(.minutes(1)))
struct HandlerTests {
    private static let note = Event<Int>("note")
    private static let double = Request<Int, Int>("double")

    private func makeMessengers() throws -> (Messenger, Messenger) {
        let (a, b) = try MessageChannel.makePair()
        return (Messenger(a), Messenger(b))
    }

    @Test("Two programs that ask each other from the handlers of events do not stand still")
    func asksFromEvents() async throws {
        let (a, b) = try makeMessengers()
        let answers = Mutex(0)
        let done = Gate()
        for (side, other) in [(a, b), (b, a)] {
            side.on(Self.double) { number, _ in number * 2 }
            side.on(Self.note) { [weak other] number, _ in
                guard let answer = try? await other?.request(Self.double, number), answer == number * 2 else { return }
                let all = answers.withLock { count in
                    count += 1
                    return count == 200
                }
                if all { await done.open() }
            }
        }
        for number in 0..<100 {
            try a.post(Self.note, number)
            try b.post(Self.note, number)
        }
        await done.wait()
    }

    @Test("A program that handles a type which no request or event can have ends, and a type of 255 bytes is handled")
    func typesThatNothingHas() async throws {
        for set in [0, 1, 2, 3, 4, 5] {
            await #expect(processExitsWith: .failure) { [set = set as Int] in
                let handlers = Handlers()
                switch set {
                case 0: handlers.onRequest("@introduce") { _, _ in nil }
                case 1: handlers.onStream("@a/b") { _, _, _ in }
                case 2: handlers.onEvent("@refused") { _, _ in }
                case 3: handlers.onDeferred(Request<Int, Int>("@later")) { _, answer, _ in try? answer.answer(1) }
                case 4: handlers.onEvent("") { _, _ in }
                default: handlers.onRequest(String(repeating: "x", count: 256)) { _, _ in nil }
                }
            }
        }
        let (caller, callee) = try makeMessengers()
        let longest = String(repeating: "x", count: 255)
        callee.onRequest(longest) { _, _ in .text("heard") }
        #expect(try await caller.request(longest).text == "heard")
    }

    @Test("Handlers that run one at a time do so, in the order of arrival, while those of other types go on")
    func oneAtATime() async throws {
        let (caller, callee) = try makeMessengers()
        let (gate, done) = (Gate(), Gate())
        let log = Mutex<[String]>([])
        callee.on(Self.note, order: .oneAtATime) { number, _ in
            log.withLock { $0.append("begin \(number)") }
            if number == 0 { await gate.wait() }
            await Task.yield()
            log.withLock { $0.append("end \(number)") }
            if number == 2 { await done.open() }
        }
        callee.on(Self.double) { number, _ in number * 2 }
        for number in 0..<3 { try caller.post(Self.note, number) }
        #expect(try await caller.request(Self.double, 4) == 8)
        #expect(log.withLock { $0 } == ["begin 0"])
        await gate.open()
        await done.wait()
        #expect(log.withLock { $0 } == ["begin 0", "end 0", "begin 1", "end 1", "begin 2", "end 2"])
    }

    @Test("An event that is sent rather than posted returns when all of its handlers have")
    func sentEvent() async throws {
        let (caller, callee) = try makeMessengers()
        let heard = Mutex<[String]>([])
        callee.on(Self.note) { number, _ in heard.withLock { $0.append("first \(number)") } }
        for name in ["second", "third"] {
            callee.on(Self.note) { number, _ in
                await Task.yield()
                heard.withLock { $0.append("\(name) \(number)") }
            }
        }
        try await caller.send(Self.note, 7)
        #expect(heard.withLock { $0.sorted() } == ["first 7", "second 7", "third 7"])
        await expectError(.unknownType) { try await caller.send(Event<Int>("unheard"), 7) }
    }

    @Test("A handler that has been removed hears nothing more; one of a scope ends with it")
    func removal() async throws {
        let (caller, callee) = try makeMessengers()
        let heard = Mutex<[String]>([])
        let first = callee.on(Self.note) { _, _ in heard.withLock { $0.append("first") } }
        var second: ScopedSubscription? = callee.on(Self.note) { _, _ in heard.withLock { $0.append("second") } }
            .scoped()
        try await caller.send(Self.note, 1)
        #expect(second != nil)
        first.cancel()
        try await caller.send(Self.note, 2)
        second = nil
        await expectError(.unknownType) { try await caller.send(Self.note, 3) }
        #expect(heard.withLock { $0 } == ["first", "second", "second"])
    }

    @Test("Of events of one type in a row each goes to the handlers that are there when its turn has come")
    func changesBetweenEvents() async throws {
        let (caller, callee) = try makeMessengers()
        let heard = Mutex<[String]>([])
        func post(_ type: String = "note") async throws {
            try caller.post(type, .encoding(1))
            try await caller.barrier()
        }
        callee.onUnknown { type, _, _ in heard.withLock { $0.append("unknown \(type)") } }
        try await post()
        let first = callee.on(Self.note) { _, _ in heard.withLock { $0.append("first") } }
        try await post()
        try await post()
        try await post("other")
        let second = callee.on(Self.note) { _, _ in heard.withLock { $0.append("second") } }
        try await post()
        first.cancel()
        try await post()
        second.cancel()
        callee.onUnknownEvent { _, _ in heard.withLock { $0.append("any") } }
        try await post()
        #expect(
            heard.withLock { $0 } == [
                "unknown note", "first", "first", "unknown other", "first", "second", "second", "any",
            ])
    }

    @Test("A handler that has been removed is released, though no other event comes")
    func release() async throws {
        let (caller, callee) = try makeMessengers()
        var counter: Heard? = Heard()
        weak let released = counter
        let subscription = callee.on(Self.note) { [counter] _, _ in counter?.increment() }
        try caller.post(Self.note, 1)
        try await caller.barrier()
        #expect(counter?.count.load(ordering: .relaxed) == 1)
        counter = nil
        subscription.cancel()
        #expect(released == nil)
    }

    @Test("Handlers shared by two lines answer both, and know which line asks")
    func sharedHandlers() async throws {
        let handlers = Handlers()
        let (a, b) = try MessageChannel.makePair()
        let (c, d) = try MessageChannel.makePair()
        let callees = [Messenger(b, handlers: handlers), Messenger(d, handlers: handlers)]
        handlers.on(Self.double) { [weak first = callees[0]] number, context in
            context.messenger === first ? number * 2 : number * 20
        }
        #expect(try await Messenger(a).request(Self.double, 1) == 2)
        #expect(try await Messenger(c).request(Self.double, 1) == 20)
        _ = callees
    }

    @Test("A deferred answer is given later, and a dropped one is a failure")
    func deferredAnswer() async throws {
        let (caller, callee) = try makeMessengers()
        let later = LaterAnswer()
        callee.onDeferred(Self.double) { number, answer, _ in
            if number == 0 { return }
            later.keep(answer)
        }
        async let answer = caller.request(Self.double, 21)
        await later.hasOne.wait()
        try later.give(42)
        #expect(try await answer == 42)
        await expectError(.noAnswer) { try await caller.request(Self.double, 0) }
    }

    @Test(
        "A type without a name, one that begins with @ and one that is too long are refused before anything is sent",
        arguments: ["", "@introduce", String(repeating: "x", count: 256)])
    func badTypes(type: String) async throws {
        let (caller, _) = try makeMessengers()
        await expectError(.notEncodable) { try caller.post(type) }
        await expectError(.notEncodable) { try await caller.request(type) }
    }
}

/// Keeps one answer that cannot be copied.
private final class LaterAnswer: Sendable {
    private let kept: Mutex<DeferredAnswer<Int>?> = Mutex(nil)
    let hasOne = Gate()

    func keep(_ answer: consuming DeferredAnswer<Int>) {
        var answer: DeferredAnswer<Int>? = answer
        kept.withLock { kept in kept = answer.take() }
        Task { await hasOne.open() }
    }

    func give(_ value: Int) throws {
        let answer = kept.withLock { kept in kept.take() }
        try answer?.answer(value)
    }
}

private final class Heard: Sendable {
    let count = Atomic(0)

    func increment() { count.add(1, ordering: .relaxed) }
}
