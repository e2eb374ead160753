import ConnectToDBus
import ConnectToLinux
import Testing

@testable import ConnectTo

/// The table "what arrives" of `dbus/PROTOCOL.md`, as far as it is the greeting's.
@Suite("Greeting", .timeLimit(.minutes(1)))
struct GreetingTests {
    private func options(_ pairs: [(String, DBusValue)]) -> DBusValue {
        .dictionary(key: "s", value: "v", pairs.map { .init(.string($0.0), .variant($0.1)) })
    }

    @Test("says what it is given, and is understood")
    func roundTrip() throws {
        var greeting = Greeting(
            context: "org.connectto.Context.me", metadata: ["a": "1", "": "é\n"], format: .stream)
        greeting.features = ["com.example.rot13"]
        #expect(try Greeting(decoding: greeting.encoded) == greeting)
        #expect(greeting.encoded.signature == "a{sv}")
    }

    @Test("leaves out what goes without saying")
    func brief() {
        #expect(Greeting().encoded == options([]))
        #expect(Greeting(metadata: ["a": "b"]).encoded == options([("metadata", ["a": "b"].encoded)]))
    }

    @Test("all keys may be absent")
    func defaults() throws {
        let greeting = try Greeting(decoding: options([]))
        #expect(greeting.version == 1)
        #expect(greeting.features == [])
        #expect(greeting.context == nil)
        #expect(greeting.metadata == [:])
        #expect(greeting.format == "messages")
    }

    @Test("a key that is not in the table is ignored, whatever its value")
    func unknownKeys() throws {
        let greeting = try Greeting(
            decoding: options([("com.example.colour", .byte(1)), ("Version", .string("2"))]))
        #expect(greeting == Greeting())
    }

    @Test(
        "a key of the table with a value of another type is an error",
        arguments: [
            ("version", DBusValue.int32(1)), ("version", .string("1")), ("version", .variant(.uint32(1))),
            ("features", .string("x")), ("features", .array(of: "o", [])), ("features", .bytes([])),
            ("context", .objectPath("/x")), ("context", .bytes([0x78])), ("format", .bytes([0x78])),
            ("format", .uint32(1)), ("partial", .uint32(1)), ("partial", .string("true")),
            ("metadata", .dictionary(key: "s", value: "v", [])), ("metadata", .array(of: "s", [])),
            ("metadata", .dictionary(key: "s", value: "u", [.init(.string("a"), .uint32(1))])),
        ])
    func wrongType(key: String, value: DBusValue) {
        #expect(throws: Greeting.Malformed.self) { try Greeting(decoding: options([(key, value)])) }
    }

    @Test("version 0 is an error, a higher one than ours is fine")
    func versions() throws {
        #expect(throws: Greeting.Malformed.self) {
            try Greeting(decoding: options([("version", .uint32(0))]))
        }
        #expect(try Greeting(decoding: options([("version", .uint32(.max))])).version == .max)
    }

    @Test("a key twice: the last one counts")
    func twice() throws {
        let greeting = try Greeting(
            decoding: options([("context", .string("first")), ("context", .string("last"))]))
        #expect(greeting.context == "last")
    }

    @Test(
        "options of another type are an error",
        arguments: [
            nil, DBusValue.string(""), .dictionary(key: "s", value: "s", []),
            .dictionary(key: "y", value: "v", []), .variant(.dictionary(key: "s", value: "v", [])),
        ])
    func noOptions(value: DBusValue?) {
        #expect(throws: Greeting.Malformed.self) { try Greeting(decoding: value) }
    }

    @Test("64 KiB or 1,024 keys of metadata are taken, more is an error")
    func metadataLimit() throws {
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
