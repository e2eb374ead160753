import ConnectTo
import FoundationEssentials
import Testing

@testable import ConnectCLI

@Suite("The --json event of a message", .timeLimit(.minutes(1)))
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
        "The --json event of a long text comes in short pieces that end at characters",
        arguments: ["a", "é", "日", "😀", "\u{1}"])
    func textComesInShortPieces(character: String) async throws {
        for offset in 0..<4 {
            let text = String(repeating: "x", count: offset) + String(repeating: character, count: 50_000)
            let pieces = pieces(try await received { try $0.postMessage(text) })
            #expect(pieces.count > 1)
            #expect(pieces.allSatisfy { $0.count <= 300 << 10 })
            #expect([UInt8](pieces.joined()) == line("text", .string(text)))
        }
    }

    @Test("The --json event of long bytes is base64 without a break")
    func bytesAreBase64WithoutABreak() async throws {
        let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let event = MessageEvent(try await received { try $0.postMessage(bytes) }, port: 7)
        #expect(event.bytes == line("base64", .string(Data(bytes).base64EncodedString())))
    }

    @Test("The --json event of long JSON is JSON on one line, and of malformed JSON it is text")
    func jsonIsOnOneLine() async throws {
        let json = "[" + [String](repeating: "\"é\"", count: 40_000).joined(separator: ",\n") + "]"
        let event = MessageEvent(try await received { try $0.postMessage(.json(json)) }, port: 7)
        let onOneLine = json.utf8.map { $0 == 0x0A ? 0x20 : $0 }
        #expect(event.bytes == line("json", .raw(onOneLine)))
        let broken = MessageEvent(try await received { try $0.postMessage(.json(json + "]")) }, port: 7)
        #expect(broken.bytes == line("text", .string(json + "]")))
    }

    @Test("The --json event of a short or empty message is one piece")
    func shortMessageIsOnePiece() async throws {
        for text in ["", "hello"] {
            #expect(pieces(try await received { try $0.postMessage(text) }) == [line("text", .string(text))])
        }
    }
}
