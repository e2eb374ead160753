import ConnectTo
import FoundationEssentials
import Testing

@testable import ConnectCLI

@Suite("The --json event of a long message", .timeLimit(.minutes(1)))
struct MessageEventTests {
    /// The same message as its receiver has it.
    private func received(_ post: (MessagePort) throws -> Void) async throws -> Message {
        let channel = try MessageChannel()
        try post(channel.port1)
        var messages = channel.port2.messages.makeAsyncIterator()
        return try #require(try await messages.next())
    }

    private func pieces(_ message: Message) -> [[UInt8]] {
        var event = MessageEvent(message, port: 7)
        var pieces: [[UInt8]] = []
        while let piece = event.next() { pieces.append(piece) }
        return pieces
    }

    private func line(_ key: String, _ value: JSONObject.Value) -> [UInt8] {
        let object: JSONObject = ["event": .string("message"), "port": .integer(7), key: value]
        return object.bytes
    }

    @Test(
        "is made in short pieces, none of which ends within a character of text",
        arguments: ["a", "é", "日", "😀", "\u{1}"])
    func text(character: String) async throws {
        for offset in 0..<4 {
            let text = String(repeating: "x", count: offset) + String(repeating: character, count: 50_000)
            let pieces = pieces(try await received { try $0.postMessage(text) })
            #expect(pieces.count > 1)
            #expect(pieces.allSatisfy { $0.count <= 300 << 10 })
            #expect([UInt8](pieces.joined()) == line("text", .string(text)))
        }
    }

    @Test("is base64 without a break, of bytes")
    func bytes() async throws {
        let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let event = MessageEvent(try await received { try $0.postMessage(bytes) }, port: 7)
        #expect(event.bytes == line("base64", .string(Data(bytes).base64EncodedString())))
    }

    @Test("is JSON on one line, of JSON; of what is none it is text")
    func json() async throws {
        let json = "[" + [String](repeating: "\"é\"", count: 40_000).joined(separator: ",\n") + "]"
        let event = MessageEvent(try await received { try $0.postMessage(.json(json)) }, port: 7)
        let onOneLine = json.utf8.map { $0 == 0x0A ? 0x20 : $0 }
        #expect(event.bytes == line("json", .raw(onOneLine)))
        let broken = MessageEvent(try await received { try $0.postMessage(.json(json + "]")) }, port: 7)
        #expect(broken.bytes == line("text", .string(json + "]")))
    }

    @Test("is one piece of a short message, the empty one too")
    func short() async throws {
        for text in ["", "hello"] {
            #expect(pieces(try await received { try $0.postMessage(text) }) == [line("text", .string(text))])
        }
    }
}
