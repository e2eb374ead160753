import ConnectTo
import Testing

@testable import ConnectToMessaging

@Suite("Messages of calls in words")
struct CallMessageTests {
    @Test(
        "Each operation reads as a line of words",
        arguments: [
            (
                Envelope(operation: .hello(Hello(places: 64, window: 1 << 24))),
                "hello, version 1, 64 places, window 16777216"
            ),
            (
                Envelope(operation: .hello(Hello(places: 1, window: 65_536, features: ["org.example.x", "lz4"]))),
                "hello, version 1, 1 places, window 65536, lz4, org.example.x"
            ),
            (
                Envelope(operation: .request(id: 7, type: "status", remaining: 5_000, wantsMany: false), body: .json),
                "request 7 status, 5000 ms, json"
            ),
            (Envelope(operation: .request(id: 8, type: "log", remaining: 0, wantsMany: true)), "stream 8 log"),
            (Envelope(operation: .request(id: 9, type: "", remaining: 10, wantsMany: false)), "barrier 9, 10 ms"),
            (Envelope(operation: .element(id: 8), body: .text, isCompressed: true), "element 8, compressed text"),
            (Envelope(operation: .result(id: 7, keepsPlace: true), body: .bytes), "result 7, place kept, bytes"),
            (
                Envelope(operation: .failure(id: 7, code: "handler-failed", text: "no disk", keepsPlace: false)),
                #"failure 7 handler-failed "no disk""#
            ),
            (
                Envelope(operation: .failure(id: 7, code: "no-answer", text: "", keepsPlace: false)),
                "failure 7 no-answer"
            ),
            (Envelope(operation: .cancel(id: 8)), "cancel 8"),
            (Envelope(operation: .grant(.places(1))), "grant of 1 place"),
            (Envelope(operation: .grant(.window(4_096))), "grant of 4096 bytes"),
            (Envelope(operation: .grant(.elements(8, of: 3))), "grant of 8 elements for 3"),
            (Envelope(operation: .event(type: "@editor/theme"), body: .text), "event @editor/theme, text"),
            (Envelope(operation: .lane), "lane"),
            (Envelope(operation: .rest(.wanted)), "rest"),
            (Envelope(operation: .rest(.agreed)), "rest agreed to"),
            (Envelope(operation: .rest(.over)), "rest over"),
        ])
    func words(envelope: Envelope, words: String) throws {
        let message = try #require(
            CallMessage(envelope.encoded(), transferredCount: envelope.operation == .lane ? 1 : 0))
        #expect(message.description == words)
    }

    @Test("A name or text of the peer cannot break the line or pass for other words")
    func hostileNames() throws {
        let event = Envelope(operation: .event(type: "a\nresult 1, text"))
        #expect(CallMessage(event.encoded())?.description == #"event "a\nresult 1, text""#)
        let failure = Envelope(operation: .failure(id: 1, code: "a b", text: "\"\r\n\u{1B}[2J", keepsPlace: false))
        let words = try #require(CallMessage(failure.encoded())).description
        #expect(words == #"failure 1 "a b" "\"\r\n\u{1B}[2J""#)
    }

    @Test("A request has its id, type, peer, time, and the payload's kind and place")
    func parts() throws {
        let envelope = Envelope(
            operation: .request(id: 7, type: "@editor/status", remaining: 1_500, wantsMany: false), body: .json)
        let bytes = Array("{}".utf8).withUnsafeBytes { envelope.encoded(body: $0) }
        let message = try #require(CallMessage(bytes))
        #expect(message.operation == .request)
        #expect(message.id == 7)
        #expect(message.type == "status")
        #expect(message.peer == "editor")
        #expect(message.remainingTime == .milliseconds(1_500))
        #expect(message.payloadKind == .json)
        #expect(String(decoding: bytes[message.payloadOffset...], as: UTF8.self) == "{}")
        #expect(message.code == nil && message.text == nil && message.places == nil && !message.isCompressed)
    }

    @Test("A failure has its code and text, a grant what it grants, and a hello what it takes")
    func otherParts() throws {
        func read(_ operation: Envelope.Operation) throws -> CallMessage {
            try #require(CallMessage(Envelope(operation: operation).encoded()))
        }
        let failure = try read(.failure(id: 2, code: "refused", text: "not you", keepsPlace: false))
        #expect(failure.operation == .failure && failure.code == .init(rawValue: "refused"))
        #expect(failure.id == 2 && failure.text == "not you" && failure.payloadKind == nil)
        let grant = try read(.grant(.elements(8, of: 3)))
        #expect(grant.elements == 8 && grant.id == 3 && grant.places == nil && grant.window == nil)
        #expect(try read(.grant(.places(2))).places == 2)
        #expect(try read(.grant(.window(2))).window == 2)
        let hello = try read(.hello(Hello(places: 64, window: 1 << 24)))
        #expect(hello.places == 64 && hello.window == 1 << 24 && hello.id == nil && hello.type == nil)
    }

    @Test("What is no message of a line of calls is nil: text, a few bytes, and every beginning of an envelope")
    func noEnvelope() async throws {
        let (a, b) = try MessageChannel.makePair()
        let tick = Envelope(operation: .event(type: "tick")).encoded()
        // The same bytes, of another kind.
        try a.postMessage(String(decoding: tick, as: UTF8.self))
        let text = try #require(try await b.nextMessage(within: .seconds(5)))
        #expect(CallMessage(text) == nil)
        try a.postMessage(tick)
        let event = try #require(try await b.nextMessage(within: .seconds(5)))
        #expect(CallMessage(event)?.type == "tick")
        #expect(CallMessage([1, 2, 3]) == nil)
        for envelope in EnvelopeTests.all {
            let bytes = envelope.encoded()
            for length in 0..<bytes.count { #expect(CallMessage(Array(bytes[..<length]), transferredCount: 1) == nil) }
        }
    }
}
