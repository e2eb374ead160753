import ConnectToDBus
import ConnectToLinux
import Testing

@testable import ConnectTo

/// The table "what arrives" of `dbus/PROTOCOL.md`, as far as it is the greeting's.
@Suite("The greetings of an introduction", .timeLimit(.minutes(1)))
struct GreetingTests {
    private func options(_ pairs: [(String, DBusValue)]) -> DBusValue {
        .dictionary(key: "s", value: "v", pairs.map { .init(.string($0.0), .variant($0.1)) })
    }

    @Test("A greeting says what it is given, and is understood")
    func greetingRoundTrip() throws {
        var greeting = Greeting(
            context: "org.connectto.Context.me", metadata: ["a": "1", "": "é\n"], format: .stream)
        greeting.features = ["com.example.rot13"]
        #expect(try Greeting(decoding: greeting.encoded) == greeting)
        #expect(greeting.encoded.signature == "a{sv}")
    }

    @Test("A greeting leaves out what has its default")
    func greetingLeavesDefaultsOut() {
        #expect(Greeting().encoded == options([]))
        #expect(Greeting(metadata: ["a": "b"]).encoded == options([("metadata", ["a": "b"].encoded)]))
    }

    @Test("All keys of a greeting may be absent")
    func allKeysMayBeAbsent() throws {
        let greeting = try Greeting(decoding: options([]))
        #expect(greeting.version == 1)
        #expect(greeting.features == [])
        #expect(greeting.context == nil)
        #expect(greeting.metadata == [:])
        #expect(greeting.format == "messages")
    }

    @Test("An unknown key of a greeting is ignored, whatever its value")
    func unknownKeysAreIgnored() throws {
        let greeting = try Greeting(
            decoding: options([("com.example.colour", .byte(1)), ("Version", .string("2"))]))
        #expect(greeting == Greeting())
    }

    @Test(
        "A known key of a greeting with a value of another type is an error",
        arguments: [
            ("version", DBusValue.int32(1)), ("version", .string("1")), ("version", .variant(.uint32(1))),
            ("features", .string("x")), ("features", .array(of: "o", [])), ("features", .bytes([])),
            ("context", .objectPath("/x")), ("context", .bytes([0x78])), ("format", .bytes([0x78])),
            ("format", .uint32(1)), ("partial", .uint32(1)), ("partial", .string("true")),
            ("metadata", .dictionary(key: "s", value: "v", [])), ("metadata", .array(of: "s", [])),
            ("metadata", .dictionary(key: "s", value: "u", [.init(.string("a"), .uint32(1))])),
        ])
    func wrongTypeIsAnError(key: String, value: DBusValue) {
        #expect(throws: Greeting.Malformed.self) { try Greeting(decoding: options([(key, value)])) }
    }

    @Test("Version 0 of a greeting is an error, and a version above ours is fine")
    func versionsOfGreeting() throws {
        #expect(throws: Greeting.Malformed.self) {
            try Greeting(decoding: options([("version", .uint32(0))]))
        }
        #expect(try Greeting(decoding: options([("version", .uint32(.max))])).version == .max)
    }

    @Test("Of a key that stands in a greeting twice, the last value counts")
    func lastOfTwoKeysCounts() throws {
        let greeting = try Greeting(
            decoding: options([("context", .string("first")), ("context", .string("last"))]))
        #expect(greeting.context == "last")
    }

    @Test(
        "A greeting whose options have another type is an error",
        arguments: [
            nil, DBusValue.string(""), .dictionary(key: "s", value: "s", []),
            .dictionary(key: "y", value: "v", []), .variant(.dictionary(key: "s", value: "v", [])),
        ])
    func optionsOfOtherTypeAreAnError(value: DBusValue?) {
        #expect(throws: Greeting.Malformed.self) { try Greeting(decoding: value) }
    }

    @Test("A greeting may have 64 KiB or 1,024 keys of metadata, and more is an error")
    func metadataOfGreetingIsLimited() throws {
        let exact = ["ab": String(repeating: "x", count: (64 << 10) - 2)]
        #expect(try Greeting(decoding: options([("metadata", exact.encoded)])).metadata == exact)
        let over = ["abc": exact["ab"] ?? ""]
        #expect(throws: Greeting.Malformed.self) {
            try Greeting(decoding: options([("metadata", over.encoded)]))
        }
        #expect(throws: Never.self) { try exact.checked() }
        let error = #expect(throws: ConnectToError.self) { try over.checked() }
        #expect(error?.code == .invalidMetadata)
        #expect(!["a": "b\0c"].isCarriable)
        let keys = Dictionary(uniqueKeysWithValues: (0..<1_024).map { ("\($0)", "") })
        #expect(try Greeting(decoding: options([("metadata", keys.encoded)])).metadata == keys)
        let tooMany = keys.merging(["one more": ""]) { first, _ in first }
        #expect(!tooMany.isCarriable)
        #expect(throws: Greeting.Malformed.self) {
            try Greeting(decoding: options([("metadata", tooMany.encoded)]))
        }
        #expect(!["a\0": "b"].isCarriable)
    }
}
