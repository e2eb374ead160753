import ConnectTo
import ConnectToMessaging
import ConnectToTestSupport
import Synchronization
import Testing

@Suite("Handlers of all types that have no handler of their own", .timeLimit(.minutes(1)))
struct UnknownTypeTests {
    private static let known = Request<Int, Int>("known")
    private let caller: Messenger
    private let callee: Messenger

    init() throws {
        let (a, b) = try MessageChannel.makePair()
        (caller, callee) = (Messenger(a), Messenger(b))
    }

    @Test("A handler of unknown requests learns the type, and leaves types with a handler alone")
    func requests() async throws {
        callee.on(Self.known) { number, _ in number * 2 }
        let subscription = callee.onUnknownRequest { (_: Payload, context: CallContext) async throws in
            if context.type == "none" { throw CallFailure(.unknownType, "not even I") }
            return OutgoingMessage.text("you asked \(context.type)")
        }
        let answer: Payload = try await caller.request("anything")
        #expect(answer.text == "you asked anything")
        let own: Int = try await caller.request(Self.known, 4)
        #expect(own == 8)
        await expectError(.unknownType) { try await caller.request("none") }
        subscription.cancel()
        await expectError(.unknownType) { try await caller.request("anything") }
    }

    @Test("A handler of unknown streams answers a type that is known only now")
    func streams() async throws {
        callee.onUnknownStream { (_: Payload, answers: PayloadStream, context: CallContext) async throws in
            for _ in 0..<3 { try await answers.yield(.text(context.type)) }
        }
        var elements: [String?] = []
        for try await element in try caller.stream("many") { elements.append(element.text) }
        #expect(elements == ["many", "many", "many"])
    }

    @Test("A handler of unknown events hears each type without a handler, in order")
    func events() async throws {
        let heard = Mutex<[String]>([])
        callee.onEvent("known") { (_: Payload, _: CallContext) in heard.withLock { $0.append("known itself") } }
        callee.onUnknownEvent { (_: Payload, context: CallContext) async in
            heard.withLock { $0.append(context.type) }
        }
        for type in ["one", "known", "two"] { try caller.post(type) }
        try await caller.barrier()
        #expect(heard.withLock(\.self) == ["one", "known itself", "two"])
    }
}
