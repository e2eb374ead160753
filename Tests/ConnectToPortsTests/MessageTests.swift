import FoundationEssentials
import Testing

@testable import ConnectToPorts

@Suite("A message")
struct MessageTests {
    private struct Point: Codable, Equatable {
        var x: Int
        var y: Int
    }

    @Test("A message of bytes arrives as bytes, whatever type holds them, and one made from a value arrives as JSON")
    func postedBytesArriveAsBytes() async throws {
        let channel = try MessageChannel()
        let port = channel.port1
        try port.postMessage([1, 2, 3])
        try await port.send(.bytes([1, 2, 3]))
        try port.postMessage(.bytes(Data([1, 2, 3])))
        try port.postMessage(.bytes(ContiguousArray<UInt8>([1, 2, 3])))
        try port.postMessage(.bytes(([0, 1, 2, 3] as [UInt8])[1...]))
        var batch = MessageBatch()
        try batch.append(.bytes(Data([1, 2, 3])))
        try port.postMessages(batch)
        for _ in 0..<6 {
            let message = try await channel.port2.take()
            #expect(message?.kind == .bytes)
            #expect(message?.bytes == [1, 2, 3])
        }
        try port.postMessage(.encoding(["a": 1]))
        try await port.send(.encoding(["a": 1]))
        try port.postMessage(.json(#"{"a":1}"#))
        for _ in 0..<3 {
            let message = try await channel.port2.take()
            #expect(message?.kind == .json)
            #expect(message?.text == #"{"a":1}"#)
        }
    }

    @Test("A message made of bytes in a generic function is bytes, and JSON only where the program says encoding")
    func genericBytesAreBytes() async throws {
        func post<Value: Encodable>(_ value: Value, on port: MessagePort) throws {
            try port.postMessage(.encoding(value))
        }
        let (port, peer) = try MessageChannel.makePair()
        try post([1, 2, 3] as [UInt8], on: port)
        try post("text", on: port)
        #expect(try await peer.take()?.text == "[1,2,3]")
        #expect(try await peer.take()?.text == #""text""#)
    }

    @Test("A message can be a string literal with interpolations, which is text")
    func literalIsText() async throws {
        let (port, peer) = try MessageChannel.makePair()
        let number = 7
        try await port.send("number \(number)")
        let message = try #require(try await peer.take())
        #expect(message.kind == .text)
        #expect(message.text == "number 7")
    }

    @Test("A message holds the array that it was made from, without a copy")
    func messageHoldsArrayWithoutCopy() throws {
        let array = [UInt8](repeating: 1, count: 1_000)
        let address = array.withUnsafeBytes { $0.baseAddress }
        try OutgoingMessage.bytes(array).withPayload { payload, _ in #expect(payload.baseAddress == address) }
    }

    @Test("A message of text gives its text and its bytes")
    func textHasTextAndBytes() throws {
        let message = try Message(.text, Payload(copying: "é\0日本".utf8))
        #expect(message.kind == .text)
        #expect(message.text == "é\0日本")
        #expect(message.bytes == Array("é\0日本".utf8))
        #expect(message.count == 9)
    }

    @Test("A message of bytes has no text, even where the bytes are UTF-8")
    func bytesHaveNoText() throws {
        let message = try Message(.bytes, Payload(copying: "text".utf8))
        #expect(message.kind == .bytes)
        #expect(message.text == nil)
        #expect(message.bytes == Array("text".utf8))
    }

    @Test(
        "A message of text that is not UTF-8 has its bytes and no text",
        arguments: [
            [0xff], [0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0x61, 0x80],
        ] as [[UInt8]])
    func invalidTextHasBytesOnly(bytes: [UInt8]) throws {
        let message = try Message(.text, Payload(copying: bytes))
        #expect(message.text == nil)
        #expect(message.bytes == bytes)
    }

    @Test("A message of JSON does not escape slashes")
    func jsonKeepsSlashes() async throws {
        let (port, peer) = try MessageChannel.makePair()
        try port.postMessage(.encoding(["path": "/etc/hosts"]))
        #expect(try await peer.take()?.text == #"{"path":"/etc/hosts"}"#)
    }

    @Test(
        "A message that does not decode says where, and nothing of the value there",
        arguments: [
            (#"{"x":1}"#, ".y is missing"), (#"{"x":1,"y":"secret"}"#, ".y is not of the type Int"),
            (#"{"x":1,"y":null}"#, ".y is null"), (#"[1]"#, "the value is not of the type"), ("{", "it is not JSON"),
        ])
    func decodingErrorNamesPlace(json: String, place: String) throws {
        let message = try Message(.json, Payload(copying: json.utf8))
        let error = #expect(throws: PortError.self) { try message.decode(Point.self) }
        #expect(error?.message.contains(place) == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("secret") == false)
    }

    private struct Reading: Encodable {
        struct Sample: Encodable { var ratio: Double }
        var samples: [Sample]
    }

    @Test("A value that does not encode says where, and what is wrong there")
    func encodingErrorNamesPlace() {
        let reading = Reading(samples: [.init(ratio: 1), .init(ratio: .nan)])
        let error = #expect(throws: PortError.self) { try OutgoingMessage.encoding(reading) }
        #expect(error?.code == .notEncodable)
        #expect(
            error?.message
                == "the Reading does not encode as JSON: .samples[1].ratio is a Double that is not finite, which JSON "
                + "cannot express"
        )
        #expect(error?.cause is EncodingError)
    }

    @Test("A message of JSON decodes, and has its text")
    func jsonDecodes() throws {
        let message = try Message(.json, Payload(copying: #"{"x":1,"y":-2}"#.utf8))
        #expect(try message.decode(Point.self) == Point(x: 1, y: -2))
        let inferred: Point = try message.decode()
        #expect(inferred == Point(x: 1, y: -2))
        #expect(message.text == #"{"x":1,"y":-2}"#)
    }

    @Test(
        "A message that is not JSON of the type throws notDecodable",
        arguments: [
            (FrameKind.json, #"{"x":1}"#), (.json, "{"), (.json, ""), (.json, "[1,2]"),
            (.text, #"{"x":1,"y":-2}"#), (.bytes, #"{"x":1,"y":-2}"#),
        ])
    func otherMessageDoesNotDecode(kind: FrameKind, payload: String) throws {
        let message = try Message(kind, Payload(copying: payload.utf8))
        let error = #expect(throws: PortError.self) { try message.decode(Point.self) }
        #expect(error?.code == .notDecodable)
    }

    @Test("A message that is a view of shared memory shows its own part only")
    func viewShowsItsPartOnly() throws {
        let chunk = try Chunk(capacity: 16)
        chunk.memory.copyBytes(from: Array("0123456789abcdef".utf8))
        let message = Message(.text, Payload(chunk, 3..<7))
        #expect(message.count == 4)
        #expect(message.text == "3456")
        #expect(message.withUnsafeBytes { $0.count } == 4)
    }

    @Test("A message may be empty", arguments: [FrameKind.bytes, .text, .json])
    func messageMayBeEmpty(kind: FrameKind) throws {
        let message = try Message(kind, Payload(copying: []))
        #expect(message.count == 0)
        #expect(message.bytes == [])
        #expect(message.text == (kind == .bytes ? nil : ""))
    }
}

extension Payload {
    /// A view of a chunk of its own.
    fileprivate init(copying bytes: some Collection<UInt8>) throws {
        let chunk = try Chunk(capacity: bytes.count)
        chunk.memory.copyBytes(from: bytes)
        self.init(chunk, 0..<bytes.count)
    }
}
