import Testing

@testable import ConnectToMessaging

@Suite("Envelopes")
struct EnvelopeTests {
    static let all: [Envelope] = [
        Envelope(operation: .hello(Hello(places: 64, window: 1 << 24))),
        Envelope(operation: .hello(Hello(version: 7, places: 1, window: 65_536, features: ["com.example.x", "lz4"]))),
        Envelope(operation: .request(id: 1, type: "status", remaining: 5_000, wantsMany: false), body: .json),
        Envelope(operation: .request(id: .max, type: "é", remaining: 0, wantsMany: true), body: nil),
        Envelope(operation: .request(id: 2, type: "", remaining: 9, wantsMany: false), body: nil),
        Envelope(operation: .element(id: 3), body: .bytes, isCompressed: true),
        Envelope(operation: .result(id: 4, keepsPlace: false), body: nil),
        Envelope(operation: .result(id: 4, keepsPlace: true), body: .text),
        Envelope(operation: .failure(id: 5, code: "no-answer", text: "", keepsPlace: true), body: nil),
        Envelope(operation: .failure(id: 5, code: "org.example.full", text: "größer", keepsPlace: false), body: .json),
        Envelope(operation: .cancel(id: 6)),
        Envelope(operation: .grant(.places(1))),
        Envelope(operation: .grant(.window(.max))),
        Envelope(operation: .grant(.elements(8, of: 3))),
        Envelope(operation: .event(type: "theme-change"), body: .json),
        Envelope(operation: .lane),
        Envelope(operation: .rest(.wanted)),
        Envelope(operation: .rest(.agreed)),
        Envelope(operation: .rest(.over)),
    ]

    @Test("Every envelope comes back from its bytes as it was, with its body", arguments: all)
    func comesBackFromItsBytes(envelope: Envelope) throws {
        let body: [UInt8] = envelope.body == nil ? [] : [1, 2, 3]
        let message = body.withUnsafeBytes { envelope.encoded(body: $0) }
        let (decoded, offset) = try decode(message, transferred: envelope.operation == .lane ? 1 : 0)
        #expect(decoded == envelope)
        #expect([UInt8](message[offset...]) == body)
    }

    @Test("Envelopes have the bytes that CALLS.md shows")
    func hasTheBytesOfTheDocument() {
        let status: [UInt8] = Array("{}".utf8)
        #expect(
            Envelope(operation: .hello(Hello(places: 64, window: 16 << 20))).encoded()
                == bytes("01 00 01 00  40 00 00 00  00 00 00 01 00 00 00 00"))
        #expect(
            status.withUnsafeBytes { body in
                Envelope(
                    operation: .request(id: 1, type: "status", remaining: 5_000, wantsMany: false), body: .json
                ).encoded(body: body)
            } == bytes("02 03 00 06  88 13 00 00  01 00 00 00 00 00 00 00  73 74 61 74 75 73  7b 7d"))
        #expect(
            Envelope(operation: .failure(id: 2, code: "handler-failed", text: "no disk", keepsPlace: false)).encoded()
                == bytes(
                    """
                    05 00 00 0e  07 00 00 00  02 00 00 00 00 00 00 00
                    68 61 6e 64 6c 65 72 2d 66 61 69 6c 65 64  6e 6f 20 64 69 73 6b
                    """))
        #expect(
            Envelope(operation: .grant(.elements(8, of: 3))).encoded()
                == bytes("07 00 03 00  08 00 00 00  03 00 00 00 00 00 00 00"))
        #expect(
            Envelope(operation: .grant(.places(1))).encoded()
                == bytes("07 00 01 00  01 00 00 00  00 00 00 00 00 00 00 00"))
    }

    @Test("The first look at an event finds what the whole look finds, whatever is changed in the message")
    func firstLook() throws {
        var found = 0
        for body in [nil, Envelope.BodyKind.bytes, .json] {
            for name in ["n", "a longer name", "größe", "@refused", "@peer/news"] {
                let content = body == nil ? [] : bytes("01 02 80")
                let event = Envelope(operation: .event(type: name), body: body)
                let message = content.withUnsafeBytes { event.encoded(body: $0) }
                for index in message.indices {
                    for value: UInt8 in [0, 1, 2, 8, 0x40, 0x80, 0xff] {
                        var changed = message
                        changed[index] = value
                        for length in [changed.count, changed.count - 1, index] {
                            changed.prefix(length).withUnsafeBytes { bytes in
                                guard let head = EventHead(bytes) else { return }
                                found += 1
                                let whole = try? Envelope.decode(bytes)
                                #expect(whole?.bodyOffset == head.bodyOffset)
                                #expect(whole?.0.body == head.body)
                                #expect(whole?.0.isCompressed == false)
                                guard case .event(let type) = whole?.0.operation else {
                                    Issue.record("no event: \(Array(bytes))")
                                    return
                                }
                                #expect(Addressed(type).address == nil)
                            }
                        }
                    }
                }
            }
        }
        #expect(found > 100)
    }

    @Test("An envelope that is cut off inside of its head, name or text breaks the protocol", arguments: all)
    func cutOff(envelope: Envelope) throws {
        let message = envelope.encoded()
        for length in 0..<message.count {
            #expect(throws: ProtocolViolation.self, "the first \(length) bytes") {
                try decode([UInt8](message[..<length]), transferred: envelope.operation == .lane ? 1 : 0)
            }
        }
    }

    @Test(
        "An envelope with a value that the table of operations does not have breaks the protocol",
        arguments: [
            ("operation 0", "00 00 00 00  00 00 00 00  00 00 00 00 00 00 00 00"),
            ("operation 11", "0b 00 00 00  00 00 00 00  00 00 00 00 00 00 00 00"),
            ("a body of kind 4", "08 04 00 01  00 00 00 00  00 00 00 00 00 00 00 00  78"),
            ("bytes behind no body", "08 00 00 01  00 00 00 00  00 00 00 00 00 00 00 00  78 79"),
            ("a hello of version 0", "01 00 00 00  40 00 00 00  00 00 00 01 00 00 00 00"),
            ("a hello without places", "01 00 01 00  00 00 00 00  00 00 00 01 00 00 00 00"),
            ("a hello of 2^31 places", "01 00 01 00  00 00 00 80  00 00 00 01 00 00 00 00"),
            ("a hello with a small window", "01 00 01 00  40 00 00 00  ff ff 00 00 00 00 00 00"),
            ("a hello with a window of 2^63", "01 00 01 00  40 00 00 00  00 00 00 00 00 00 00 80"),
            ("a hello with a body", "01 01 01 00  40 00 00 00  00 00 00 01 00 00 00 00"),
            ("a request without an id", "02 00 00 01  00 00 00 00  00 00 00 00 00 00 00 00  78"),
            ("a request with flag 2", "02 00 02 01  00 00 00 00  01 00 00 00 00 00 00 00  78"),
            ("a barrier with a body", "02 01 00 00  00 00 00 00  01 00 00 00 00 00 00 00  78"),
            ("a barrier that wants many", "02 00 01 00  00 00 00 00  01 00 00 00 00 00 00 00"),
            ("a type that is not UTF-8", "02 00 00 01  00 00 00 00  01 00 00 00 00 00 00 00  ff"),
            ("an element with a name", "03 01 00 01  00 00 00 00  01 00 00 00 00 00 00 00  78"),
            ("an element with a number", "03 01 00 00  01 00 00 00  01 00 00 00 00 00 00 00"),
            ("a result without an id", "04 00 00 00  00 00 00 00  00 00 00 00 00 00 00 00"),
            ("a failure without a code", "05 00 00 00  00 00 00 00  01 00 00 00 00 00 00 00"),
            ("a failure with a text of 4 GiB", "05 00 00 01  ff ff ff ff  01 00 00 00 00 00 00 00  78"),
            ("a failure with a text that is not UTF-8", "05 00 00 01  01 00 00 00  01 00 00 00 00 00 00 00  78 ff"),
            ("a cancel with a body", "06 01 00 00  00 00 00 00  01 00 00 00 00 00 00 00"),
            ("a grant of nothing", "07 00 01 00  00 00 00 00  00 00 00 00 00 00 00 00"),
            ("a grant for nothing", "07 00 00 00  01 00 00 00  00 00 00 00 00 00 00 00"),
            ("a grant of places with an id", "07 00 01 00  01 00 00 00  01 00 00 00 00 00 00 00"),
            ("a grant of elements without an id", "07 00 03 00  01 00 00 00  00 00 00 00 00 00 00 00"),
            ("an event without a type", "08 00 00 00  00 00 00 00  00 00 00 00 00 00 00 00"),
            ("an event with an id", "08 00 00 01  00 00 00 00  01 00 00 00 00 00 00 00  78"),
            ("a lane without a port", "09 00 00 00  00 00 00 00  00 00 00 00 00 00 00 00"),
            ("a rest that is agreed to and over", "0a 00 03 00  00 00 00 00  00 00 00 00 00 00 00 00"),
            ("a rest with a number", "0a 00 00 00  01 00 00 00  00 00 00 00 00 00 00 00"),
            ("a rest with a body", "0a 01 00 00  00 00 00 00  00 00 00 00 00 00 00 00"),
            ("a compressed body that is not there", "08 00 80 01  00 00 00 00  00 00 00 00 00 00 00 00  78"),
        ])
    func wrongValue(what: String, hex: String) {
        #expect(throws: ProtocolViolation.self, "\(what)") { try decode(bytes(hex)) }
    }

    @Test("Only operations with a body take transferred things, and a lane takes one port")
    func transferredThings() throws {
        for envelope in Self.all {
            let takesAny =
                switch envelope.operation {
                case .request(_, type: "", _, _), .hello, .cancel, .grant, .lane, .rest: false
                default: true
                }
            let message = envelope.encoded()
            if takesAny {
                _ = try decode(message, transferred: 253)
            } else {
                #expect(throws: ProtocolViolation.self) { try decode(message, transferred: 2) }
            }
        }
    }

    @Test("An envelope of random bytes breaks the protocol or encodes to the same bytes")
    func anyBytes() throws {
        var random = SystemRandomNumberGenerator()
        var decodedCount = 0
        for _ in 0..<20_000 {
            // Small numbers, as most of them would be refused otherwise.
            var message = (0..<16).map { _ in UInt8.random(in: 0...3, using: &random) }
            message[0] = UInt8.random(in: 0...10, using: &random)
            message += (0..<Int(message[3])).map { _ in UInt8.random(in: 97...122, using: &random) }
            guard let (envelope, offset) = try? decode(message) else { continue }
            decodedCount += 1
            let body = [UInt8](message[offset...])
            #expect(body.withUnsafeBytes { envelope.encoded(body: $0) } == message)
        }
        #expect(decodedCount > 100)
    }

    @discardableResult
    private func decode(_ message: [UInt8], transferred: Int = 0) throws -> (Envelope, bodyOffset: Int) {
        try message.withUnsafeBytes { try Envelope.decode($0, transferredCount: transferred) }
    }

    private func bytes(_ hex: String) -> [UInt8] {
        hex.split(whereSeparator: \.isWhitespace).compactMap { UInt8($0, radix: 16) }
    }
}
