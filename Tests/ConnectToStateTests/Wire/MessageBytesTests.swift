import Testing

@testable import ConnectToState

@Suite("Messages between replicas, as bytes")
struct MessageBytesTests {
    @Test("Every kind of value is read as it was written")
    func values() throws {
        let values: [StateValue] = [
            .null, true, false, 0, 127, 128, 255, 256, -1, -32, -33, -256, -257, .integer(.max), .integer(.min), 0.5,
            0.1, -0.0, 1e300, 1e-45, "", "é", .string(String(repeating: "x", count: 63)),
            .string(String(repeating: "x", count: 64)), [], [:], [1, [2, ["a": [], "b": .null, "c": 3]]],
        ]
        for value in values {
            var writer = StateWriter()
            value.write(to: &writer)
            var reader = StateReader(writer.bytes)
            #expect(try StateValue(from: &reader, depth: 8) == value)
            #expect(reader.isAtEnd)
        }
    }

    @Test("Keys that begin alike are read as they were written, whatever their lengths")
    func keys() throws {
        let lengths = [0, 1, 14, 15, 16, 300]
        let keys = lengths.flatMap { shared in
            lengths.map { StateKey(String(repeating: "k", count: shared) + String(repeating: "é", count: $0)) }
        }
        var writer = StateWriter()
        for key in keys + keys { writer.key(key) }
        var reader = StateReader(writer.bytes)
        for key in keys + keys { #expect(try reader.key().key == key) }
        #expect(reader.isAtEnd)
    }

    @Test("A transaction of one write of a few bytes is a message of fewer than 64 bytes")
    func small() throws {
        var document = Document()
        let operations = try document.write([("user.name", "John Doe")], now: 1_764_550_000_000).operations
        let message = Replication.Message.operations(operations)
        #expect(message.encoded().count < 64)
        #expect(try Replication.Message(decoding: message.encoded()) == message)
    }

    /// The bounds are 1.2 times what the smaller one of pycrdt 0.14.13 (`get_update`) and loro 1.17.1 (the smallest of
    /// its exports) makes of the same writes: 41,073 bytes, 121,532, 111,254 and 122,583.
    @Test(
        "What 10,000 paths of one writer take is at most 1.2 times the smaller of Yjs and Loro",
        arguments: [(true, true, 49_287), (true, false, 145_838), (false, true, 133_504), (false, false, 147_099)])
    func large(isNested: Bool, isInteger: Bool, bound: Int) throws {
        var document = Document()
        let written = try document.write(
            (0..<10_000).map { number in
                let keys = isNested ? ["group\(number / 100)", "item\(number % 100)"] : ["key\(number)"]
                return (
                    StatePath(["root"] + keys), isInteger ? .integer(Int64(number)) : .string("value \(number)")
                )
            }, now: 1_764_550_000_000)
        #expect(written.operations.count == 10_000)
        let message = Replication.Message.delta(document.delta(since: VersionVector()))
        let bytes = message.encoded()
        #expect(bytes.count <= bound)
        #expect(try Replication.Message(decoding: bytes).encoded() == bytes)
    }
}
