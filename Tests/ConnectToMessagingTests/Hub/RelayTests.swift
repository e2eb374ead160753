import ConnectTo
import ConnectToMessaging
import ConnectToTestSupport
import Synchronization
import Testing

@Suite("Relaying by a hub", .timeLimit(.minutes(1)))
struct RelayTests {
    private static let whoAsks = Request<NoPayload, String>("who-asks")

    private func makeRelaying(spokes ids: [String] = ["a", "b"]) throws -> (hub: Hub, spokes: [String: Messenger]) {
        let (hub, spokes) = try makeHub(spokes: ids)
        hub.allowRelaying { _, _, _ in true }
        return (hub, spokes)
    }

    @Test("A request goes through the hub to another peer, with the id of the peer that asks")
    func request() async throws {
        let (hub, spokes) = try makeRelaying()
        spokes["b"]?.on(Self.whoAsks) { _, call in call.sender ?? "nobody" }
        #expect(try await spokes["a"]?.request(Self.whoAsks, to: "b") == "a")
        await expectError(.unknownPeer) { try await spokes["a"]?.request(Self.whoAsks, to: "c") }
        await expectError(.unknownType) { try await spokes["b"]?.request(Self.whoAsks, to: "a") }
        withExtendedLifetime(hub) {}
    }

    @Test("Without a policy nothing is passed on, and a policy decides by sender, receiver and type")
    func policy() async throws {
        let (hub, spokes) = try makeHub(spokes: ["a", "b"])
        for (id, spoke) in spokes { spoke.onRequest("ask") { _, _ in .text(id) } }
        await expectError(.refused) { try await spokes["a"]?.request("ask", to: "b") }
        // Whether there is such a peer is none of its business either.
        await expectError(.refused) { try await spokes["a"]?.request("ask", to: "c") }
        hub.allowRelaying { from, to, type in from.id == "a" && to.id == "b" && type == "ask" }
        #expect(try await spokes["a"]?.request("ask", to: "b").text == "b")
        await expectError(.refused) { try await spokes["b"]?.request("ask", to: "a") }
        await expectError(.refused) { try await spokes["a"]?.request("other", to: "b") }
    }

    @Test("A failure comes back whole, and a peer that goes ends the request as interrupted")
    func failures() async throws {
        let (hub, spokes) = try makeRelaying()
        spokes["b"]?.onRequest("fail") { _, _ in
            throw CallFailure(.init(rawValue: "org.example.full"), "no room", details: .json("{\"free\":0}"))
        }
        let failure = await expectError(.init(rawValue: "org.example.full")) {
            try await spokes["a"]?.request("fail", to: "b")
        }
        #expect(failure?.message == "no room")
        #expect(failure?.details?.text == "{\"free\":0}")
        spokes["b"]?.onRequest("go") { _, context in
            context.messenger?.close()
            return nil
        }
        let interrupted = await expectError(.lineEnded) { try await spokes["a"]?.request("go", to: "b") }
        #expect(interrupted?.message.contains("the peer closed the port") == true)
        #expect(spokes["a"]?.closeReason == nil)
        withExtendedLifetime(hub) {}
    }

    @Test("The remaining time goes along, and the caller's cancellation cancels the other peer's handler")
    func timeAndCancellation() async throws {
        let (hub, spokes) = try makeRelaying()
        let (started, cancelled) = (Gate(), Gate())
        let remaining = Mutex<Duration?>(nil)
        spokes["b"]?.on(Sample.wait) { _, context in
            remaining.withLock { $0 = context.remainingTime }
            await started.open()
            try? await Task.sleep(for: .seconds(100))
            if Task.isCancelled { await cancelled.open() }
            return NoPayload()
        }
        let task = Task { try await spokes["a"]?.request(Sample.wait, to: "b", within: .seconds(50)) }
        await started.wait()
        let left = remaining.withLock(\.self) ?? .zero
        #expect(left > .seconds(10) && left <= .seconds(51))
        task.cancel()
        await cancelled.wait()
        await expectError(.cancelled) { try await task.value }
        withExtendedLifetime(hub) {}
    }

    @Test("A stream is passed on element by element, no further ahead than both windows, and ends with the loop")
    func streams() async throws {
        let (hub, spokes) = try makeRelaying()
        spokes["b"]?.on(Sample.count) { limit, answers, _ in
            for number in 0..<limit { try await answers.yield(number) }
        }
        var numbers: [Int] = []
        for try await number in try #require(spokes["a"]).stream(Sample.count, 100, to: "b") { numbers.append(number) }
        #expect(numbers == Array(0..<100))

        let ahead = Mutex(0)
        let cancelled = Gate()
        spokes["b"]?.onStream("endless") { _, answers, _ in
            do {
                while true {
                    try await answers.yield(.text("x"))
                    ahead.withLock { $0 += 1 }
                }
            } catch {
                await cancelled.open()
                throw error
            }
        }
        for try await _ in try #require(spokes["a"]).stream("endless", to: "b") {
            // All that the other handler can do has been done when later requests are answered.
            for _ in 0..<20 { await expectError(.unknownType) { try await spokes["a"]?.request("none", to: "b") } }
            break
        }
        await cancelled.wait()
        // 16 wait at the hub, 16 with the program that asked, and one is in the relaying task's hands.
        #expect(ahead.withLock(\.self) <= 33)
        withExtendedLifetime(hub) {}
    }

    @Test("What is transferred goes along with requests and answers")
    func transfers() async throws {
        let (hub, spokes) = try makeRelaying()
        spokes["b"]?.onRequest("swap") { payload, _ in
            let port = try #require(payload.transferred.first?.port)
            try port.postMessage("from b")
            let (kept, given) = try MessageChannel.makePair()
            try kept.postMessage("also from b")
            return .json("{}", transfer: [.port(given)])
        }
        let (kept, given) = try MessageChannel.makePair()
        let answer = try await spokes["a"]?.request("swap", .text("port", transfer: [.port(given)]), to: "b")
        #expect(try await kept.nextMessage()?.text == "from b")
        #expect(try await answer?.transferred.first?.port?.nextMessage()?.text == "also from b")
        withExtendedLifetime(hub) {}
    }

    @Test("Events go on in their order with the sender's id; the hub's program hears of those that do not")
    func events() async throws {
        let (hub, spokes) = try makeHub(spokes: ["a", "b"])
        let heard = Mutex<[String]>([])
        let lost = Mutex<[String]>([])
        spokes["b"]?.on(Sample.news) { text, context in
            heard.withLock { $0.append("\(context.sender ?? "?"): \(text)") }
        }
        hub.onUndelivered { event in
            lost.withLock { $0.append("\(event.sender) \(event.receiver) \(event.type) \(event.error.code)") }
        }
        try spokes["a"]?.post(Sample.news, "early", to: "b")
        try await spokes["a"]?.barrier()
        hub.allowRelaying { _, _, _ in true }
        for number in 0..<100 { try spokes["a"]?.post(Sample.news, "\(number)", to: "b") }
        try spokes["a"]?.post(Sample.news, "late", to: "c")
        try await spokes["a"]?.barrier()
        try await hub["b"]?.barrier()
        #expect(heard.withLock(\.self) == (0..<100).map { "a: \($0)" })
        #expect(lost.withLock(\.self) == ["a b news refused", "a c news unknown-peer"])
    }

    @Test("A peer cannot say through the hub what only the hub says, nor in another peer's name")
    func forgeries() async throws {
        let hub = Hub()
        hub.allowRelaying { _, _, _ in true }
        let (mine, theirs) = try MessageChannel.makePair()
        try hub.adopt(mine, as: "liar")
        let (port, other) = try MessageChannel.makePair()
        try hub.adopt(port, as: "b")
        let b = Messenger(other)
        b.onIntroduction { _, _ in Issue.record("a peer was introduced by another") }
        b.on(Self.whoAsks) { _, call in call.sender ?? "nobody" }
        // A peer that writes its envelopes by itself.
        let requests: [String] = ["@b/@introduced", "@b/@b/who-asks", "@b/", "@/who-asks", "@b/who-asks"]
        var messages = theirs.messages.makeAsyncIterator()
        try theirs.postMessage(envelope(1, flags: 1, number: 64, id: 1 << 20))
        for (index, type) in requests.enumerated() {
            try theirs.postMessage(envelope(2, body: 2, number: 5_000, id: UInt64(index + 1), name: type, "b"))
        }
        var answers: [String] = []
        while answers.count < requests.count, let message = try await messages.next() {
            let bytes = message.bytes
            switch bytes[0] {
            case 4: answers.append("\(bytes[8]): " + String(decoding: bytes[16...], as: UTF8.self))
            case 5: answers.append("\(bytes[8]): " + String(decoding: bytes[16..<16 + Int(bytes[3])], as: UTF8.self))
            default: break
            }
        }
        #expect(answers.sorted() == ["1: refused", "2: refused", "3: refused", "4: unknown-peer", "5: liar"])
        withExtendedLifetime(hub) {}
    }
}

/// A message of `dbus/CALLS.md`, written by hand.
func envelope(
    _ operation: UInt8, body: UInt8 = 0, flags: UInt8 = 0, number: UInt32 = 0, id: UInt64 = 0, name: String = "",
    _ content: String = ""
) -> [UInt8] {
    var bytes = [operation, body, flags, UInt8(name.utf8.count)]
    withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
    withUnsafeBytes(of: id.littleEndian) { bytes += $0 }
    return bytes + Array(name.utf8) + Array(content.utf8)
}
