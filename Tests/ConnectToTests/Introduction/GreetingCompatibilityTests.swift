import CConnectToDBus
import Foundation
import Testing

@testable import ConnectTo
@testable import ConnectToDBus

/// What the two sides of an introduction tell each other does not change by accident: peers of older versions are at
/// the other end. The files are those of `Tests/Compatibility/introduction`.
@Suite("An introduction as older versions wrote it", .timeLimit(.minutes(1)))
struct GreetingCompatibilityTests {
    /// What the library says, by the file in which it was recorded.
    enum Recorded: String, CaseIterable, CustomTestStringConvertible {
        case hello, welcome
        case helloOfContext = "hello-of-context"
        case helloToStream = "hello-to-stream"
        case welcomeToStream = "welcome-to-stream"
        case welcomeToPartialStream = "welcome-to-partial-stream"

        var testDescription: String { rawValue }

        var greeting: Greeting {
            switch self {
            case .hello: Greeting()
            case .welcome: Greeting(metadata: ["city": "Köln"])
            case .helloOfContext: Greeting(context: "org.connectto.Context.me", metadata: ["a": "1"])
            case .helloToStream: Greeting(format: .stream)
            case .welcomeToStream: Greeting(format: .stream)
            case .welcomeToPartialStream: Greeting(format: .stream, isPartial: true)
            }
        }

        /// Without comments.
        func bytes() throws -> [UInt8] {
            let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .appending(path: "../../Compatibility/introduction/\(rawValue).hex").standardizedFileURL
            return try String(contentsOf: url, encoding: .utf8).split(separator: "\n")
                .filter { !$0.hasPrefix("#") }
                .flatMap { line in try line.split(separator: " ").map { try #require(UInt8($0, radix: 16)) } }
        }
    }

    @Test(
        "The library writes the options of an introduction as older versions did, byte for byte",
        arguments: Recorded.allCases)
    func libraryWritesRecordedGreetings(recorded: Recorded) throws {
        let message = try bytes(of: recorded.greeting)
        #expect(hexadecimal(message.suffix(bodyLength(message))) == hexadecimal(try recorded.bytes()))
    }

    @Test(
        "The library understands the options of an introduction that an older version wrote",
        arguments: Recorded.allCases)
    func libraryReadsRecordedGreetings(recorded: Recorded) throws {
        let body = try recorded.bytes()
        var message = try bytes(of: recorded.greeting)
        message.removeLast(bodyLength(message))
        message += body
        for index in 0..<4 { message[4 + index] = UInt8(truncatingIfNeeded: body.count >> (8 * index)) }
        let read = message.withUnsafeBytes { buffer in
            dbus_message_demarshal(
                buffer.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(buffer.count), nil)
        }
        let pointer = try #require(read)
        defer { dbus_message_unref(pointer) }
        #expect(try Greeting(decoding: MessageReader.body(of: pointer).first) == recorded.greeting)
    }

    /// A whole message with the greeting as its body.
    private func bytes(of greeting: Greeting) throws -> [UInt8] {
        let call = MethodCall(
            sender: ":1.1", path: "/", interface: nil, member: "Connect", body: [], expectsReply: true, serial: 1)
        return MessageEncoder(try .reply(to: call, [greeting.encoded]), serial: 2).bytes
    }

    private func bodyLength(_ message: [UInt8]) -> Int {
        (0..<4).reduce(0) { $0 | Int(message[4 + $1]) << (8 * $1) }
    }

    private func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
    }
}
