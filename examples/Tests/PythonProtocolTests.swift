import ConnectTo
import ConnectToMessaging
import ConnectToTesting
import Testing

/// What a peer of calls in Swift never sends, sent to the one in Python: a number is a section of `dbus/CALLS.md`.
@Suite(
    "A peer of calls in Python and the rules", .privateBus, .timeLimit(.minutes(1)),
    .enabled("There is no python3-gi for /usr/bin/python3: make setup installs it") {
        await Example.hasPython()
    })
struct PythonProtocolTests {
    @Test("A Python peer ends a line on which a rule is broken, and goes on with others")
    func brokenRules() async throws {
        try await withExample(.pythonCalls, "serve", "calls") { python in
            for rule in try Self.broken {
                let port = try await rawPort()
                for message in rule.messages { try port.postMessage(message) }
                #expect(try await port.waitUntilClosed().code == .peerExited, "\(rule.name)")
            }
            // What stands before the last message of each breaks none.
            for rule in try Self.broken where rule.messages.count > 1 {
                let port = try await rawPort()
                for message in rule.messages.dropLast() { try port.postMessage(message) }
                if let operation = rule.making {
                    try port.postMessage(envelope(6, id: 1))
                    #expect(try await port.messages.contains { $0.bytes.first == operation }, "\(rule.name)")
                }
                try port.postMessage(envelope(2, id: 1 << 60))
                let isAnswered = try await port.messages.contains { $0.bytes == envelopeBytes(4, id: 1 << 60) }
                #expect(isAnswered, "\(rule.name)")
                port.close()
            }
        }
    }

    @Test("A Python peer answers a request that it has cancelled, and one whose time is over (5)")
    func stillAnswers() async throws {
        try await withExample(.pythonCalls, "serve", "calls") { python in
            let port = try await rawPort()
            try port.postMessage(Self.hello)
            try port.postMessage(envelope(2, number: 50, id: 1, name: "wait"))
            #expect(try await failure(of: 1, on: port) == "deadline")
            try port.postMessage(envelope(2, id: 7, name: "wait"))
            try port.postMessage(envelope(6, id: 7))
            #expect(try await failure(of: 7, on: port) == "cancelled")
            // A cancel and a grant for what has been answered are ignored.
            try port.postMessage(envelope(6, id: 7))
            try port.postMessage(envelope(7, flags: 3, number: 1, id: 1))
            try port.postMessage(envelope(2, id: 8, name: "unknown"))
            #expect(try await failure(of: 8, on: port) == "unknown-type")
        }
    }

    @Test("A Python peer agrees to a rest, asks no more, and begins anew with the next hello (10)")
    func rest() async throws {
        try await withExample(.pythonCalls, "serve", "calls") { python in
            let port = try await rawPort()
            var messages = port.messages.makeAsyncIterator()
            try port.postMessage(Self.hello)
            #expect(try await messages.next()?.bytes.first == 1)
            try port.postMessage(envelope(2, id: 100))
            #expect(try await messages.next()?.bytes == envelopeBytes(4, id: 100))
            try port.postMessage(envelope(10))
            #expect(try await messages.next()?.bytes == envelopeBytes(10, flags: 1))
            // The handler asks back, and its request waits until the rest is over.
            try port.postMessage(envelope(2, id: 101, name: "ask-back"))
            #expect(try await messages.next()?.bytes == envelopeBytes(7, flags: 1, number: 1))
            try port.postMessage(envelope(10, flags: 2))
            #expect(try await messages.next()?.bytes.first == 2)
            try port.postMessage(envelope(4, id: 1))
            #expect(try await messages.next()?.bytes == envelopeBytes(4, flags: 1, id: 101))
            // This one waits for the hello.
            try port.postMessage(envelope(10))
            #expect(try await messages.next()?.bytes == envelopeBytes(10, flags: 1))
            try port.postMessage(envelope(2, id: 102, name: "ask-back"))
            #expect(try await messages.next()?.bytes == envelopeBytes(7, flags: 1, number: 1))
            try port.postMessage(envelope(6, id: 102))
            #expect(try await messages.next()?.bytes.prefix(2) == [5, 0])
            try port.postMessage(Self.hello)
            #expect(try await messages.next()?.bytes.first == 1)
            try port.postMessage(envelope(2, id: 1))
            #expect(try await messages.next()?.bytes == envelopeBytes(4, id: 1))
        }
    }

    // MARK: What is sent

    private static let hello = envelope(1, flags: 1, number: 64, id: 1 << 20)

    /// Broken rules (11): the last message of each breaks it.
    private static var broken: [BrokenRule] {
        get throws {
            let gift = { Transferable.file(try openFile(file(""))) }
            let port = { Transferable.port(try MessageChannel().port1) }
            return [
                BrokenRule("a first message that is no hello", [envelope(2, id: 1)]),
                BrokenRule("a second hello", [hello, hello]),
                BrokenRule("version 0", [envelope(1, number: 1, id: 65_536)]),
                BrokenRule("version 128", [envelope(1, flags: 128, number: 1, id: 65_536)]),
                BrokenRule("a hello without a place", [envelope(1, flags: 1, id: 65_536)]),
                BrokenRule("a hello with too small a window", [envelope(1, flags: 1, number: 1, id: 65_535)]),
                BrokenRule("a hello with a body", [envelope(1, body: 2, flags: 1, number: 1, id: 65_536)]),
                BrokenRule("a message of kind text", [hello, "hello"]),
                BrokenRule("fifteen bytes", [hello, .bytes(envelopeBytes(2, id: 1).prefix(15))]),
                BrokenRule("half a name", [hello, .bytes(envelopeBytes(2, id: 1, name: "echo").dropLast())]),
                BrokenRule("half a text", [hello, envelope(5, number: 10, id: 1, name: "x", rest: [1])]),
                BrokenRule("operation 0", [hello, envelope(0)]),
                BrokenRule("operation 11", [hello, envelope(11)]),
                BrokenRule("a body of kind 4", [hello, envelope(2, body: 4, id: 1, name: "echo")]),
                BrokenRule("a body of no kind", [hello, envelope(2, id: 1, name: "echo", rest: [1])]),
                BrokenRule("an unknown flag", [hello, envelope(2, flags: 2, id: 1, name: "echo")]),
                BrokenRule(
                    "compressed without the feature", [hello, envelope(2, body: 2, flags: 128, id: 1, name: "echo")]),
                BrokenRule("a number in an event", [hello, envelope(8, number: 1, name: "note")]),
                BrokenRule("an id in an event", [hello, envelope(8, id: 1, name: "note")]),
                BrokenRule("a name in a cancel", [hello, envelope(2, id: 1), envelope(6, id: 1, name: "x")]),
                BrokenRule("a name that is not UTF-8", [hello, envelope(2, id: 1, nameBytes: [0xff])]),
                BrokenRule("id 0", [hello, envelope(2)]),
                BrokenRule("an id twice", [hello, envelope(2, id: 2), envelope(2, id: 2)]),
                BrokenRule("a lower id", [hello, envelope(2, id: 2), envelope(2, id: 1)]),
                BrokenRule(
                    "a seventeenth request", [hello] + (1...17).map { envelope(2, id: $0, name: "wait") }, making: 5),
                BrokenRule(
                    "a request beyond the window", [hello, tooLarge(1), envelope(2, id: 2, name: "echo")], making: 7),
                BrokenRule(
                    "an event beyond the window", [hello, tooLarge(1), envelope(8, name: "note")], making: 7),
                BrokenRule("a result of nothing", [hello, envelope(4, id: 1)]),
                BrokenRule("an element of nothing", [hello, envelope(3, id: 1)]),
                BrokenRule("a cancel above all ids", [hello, envelope(2, id: 1), envelope(6, id: 2)]),
                BrokenRule("a grant above all ids", [hello, envelope(7, flags: 3, number: 1, id: 1)]),
                BrokenRule("a grant of nothing", [hello, envelope(7, flags: 1)]),
                BrokenRule("a grant of no kind", [hello, envelope(7, number: 1)]),
                BrokenRule("an id in a grant of places", [hello, envelope(7, flags: 1, number: 1, id: 1)]),
                BrokenRule("too many places", [hello, envelope(7, flags: 1, number: 1 << 31)]),
                BrokenRule(
                    "too many elements",
                    [
                        hello, envelope(2, flags: 1, id: 1, name: "wait"),
                        envelope(7, flags: 3, number: 1 << 31, id: 1),
                    ]
                ),
                BrokenRule(
                    "a file with a cancel", [hello, envelope(2, id: 1), envelope(6, id: 1, transfer: [try gift()])]),
                BrokenRule("a lane without a port", [hello, envelope(9)]),
                BrokenRule("a lane with a file", [hello, envelope(9, transfer: [try gift()])]),
                BrokenRule(
                    "a second lane",
                    [hello, envelope(9, transfer: [try port()]), envelope(9, transfer: [try port()])]
                ),
                BrokenRule(
                    "a grant for no stream",
                    [hello, envelope(2, id: 1, name: "wait"), envelope(7, flags: 3, number: 1, id: 1)]),
                BrokenRule("an event without a type", [hello, envelope(8)]),
                BrokenRule("a failure without a code", [hello, envelope(5, id: 1)]),
                BrokenRule("a barrier with a body", [hello, envelope(2, body: 1, id: 1)]),
                BrokenRule("a rest that agrees to nothing", [hello, envelope(10, flags: 1)]),
                BrokenRule("a rest that ends none", [hello, envelope(10, flags: 2)]),
                BrokenRule("a second rest", [hello, envelope(10), envelope(10)]),
            ]
        }
    }

    /// A request that never ends and is larger than the window of the example.
    private static func tooLarge(_ id: UInt64) -> OutgoingMessage {
        envelope(2, body: 1, id: id, name: "wait", rest: [UInt8](repeating: 0, count: 1 << 20))
    }

    private func rawPort() async throws -> MessagePort {
        var options = ConnectOptions()
        options.format = .calls
        return try await Bus.at(PrivateBus.current.address).connectTo("calls", options: options)
    }

    /// The code of the failure of a request, which is the next message of its operation.
    private func failure(of id: UInt64, on port: MessagePort) async throws -> String? {
        for try await message in port.messages where message.bytes.first == 5 {
            let bytes = message.bytes
            guard envelopeBytes(0, id: id)[8..<16] == bytes[8..<16] else { return nil }
            return String(decoding: bytes[16..<(16 + Int(bytes[3]))], as: UTF8.self)
        }
        return nil
    }
}

/// Messages of which the last breaks a rule.
private struct BrokenRule {
    let name: String
    let messages: [OutgoingMessage]
    /// The operation that makes room again when request 1 is cancelled, where the others leave no place or no window.
    let making: UInt8?

    init(_ name: String, _ messages: [OutgoingMessage], making: UInt8? = nil) {
        self.name = name
        self.messages = messages
        self.making = making
    }
}

/// An envelope (2), whatever is wrong with it.
private func envelope(
    _ operation: UInt8, body: UInt8 = 0, flags: UInt8 = 0, number: UInt32 = 0, id: UInt64 = 0, name: String = "",
    nameBytes: [UInt8] = [], rest: [UInt8] = [], transfer: [Transferable] = []
) -> OutgoingMessage {
    let name = nameBytes + name.utf8
    return .bytes(
        envelopeBytes(operation, body: body, flags: flags, number: number, id: id, name: name, rest: rest),
        transfer: transfer)
}

private func envelopeBytes(
    _ operation: UInt8, body: UInt8 = 0, flags: UInt8 = 0, number: UInt32 = 0, id: UInt64 = 0,
    name: some Collection<UInt8>, rest: [UInt8] = []
) -> [UInt8] {
    [operation, body, flags, UInt8(name.count)]
        + withUnsafeBytes(of: number.littleEndian, Array.init) + withUnsafeBytes(of: id.littleEndian, Array.init)
        + name + rest
}

private func envelopeBytes(
    _ operation: UInt8, flags: UInt8 = 0, number: UInt32 = 0, id: UInt64 = 0, name: String = ""
) -> [UInt8] {
    envelopeBytes(operation, flags: flags, number: number, id: id, name: name.utf8)
}
