import Testing

@testable import ConnectToState

/// What comes is decoded from bytes, as on a line.
@Suite("A replica that means harm", .timeLimit(.minutes(5)))
struct HostileReplicaTests {
    private static let stranger = ReplicaID(66)
    static let victimID = ReplicaID(1)
    private static let third = ReplicaID(3)

    /// A victim that holds something, with a line to the one that means harm and one to a third replica.
    private static func victim(limits: StateLimits = StateLimits()) throws -> Replication {
        var replica = Replication(Document(replica: victimID, limits: limits))
        _ = replica.open(0)
        _ = replica.open(1)
        var document = Document(replica: third)
        let operations = try document.write([("theirs", ["a": 1, "b": 2])], now: 1000).operations
        _ = try replica.receive(.operations(operations), from: 1)
        _ = try replica.write([("own", "value"), ("gone", 1)], now: 2000)
        _ = try replica.write([("gone", nil)], now: 2000)
        return replica
    }

    private static func operation(
        _ counter: UInt64, path: StatePath = "a", value: StateValue? = 1, clock: UInt64 = 1, seen: [Dot] = []
    ) -> Operation {
        Operation(
            dot: Dot(replica: stranger, counter: counter), stamp: Stamp(clock: clock, replica: stranger), path: path,
            value: value, seen: seen)
    }

    private static func delta(
        _ entries: [Delta.Entry] = [], vector: [ReplicaID: UInt64], floor: [ReplicaID: UInt64] = [:]
    ) -> Replication.Message {
        .delta(
            Delta(
                isComplete: !floor.isEmpty, entries: entries, vector: VersionVector(vector),
                floor: VersionVector(floor)))
    }

    private static func sibling(_ counter: UInt64, clock: UInt64 = 1, of replica: ReplicaID = stranger) -> Sibling {
        Sibling(dot: Dot(replica: replica, counter: counter), stamp: Stamp(clock: clock, replica: replica), value: 1)
    }

    private static let deep = StatePath((0..<10_000).map { "\($0)" })

    static let harmful: [(what: String, message: Replication.Message)] = [
        ("an operation before the first", .operations([operation(2)])),
        ("a gap in a transaction", .operations([operation(1), operation(3)])),
        ("operations in the wrong order", .operations([operation(2), operation(1)])),
        (
            "an operation that has seen one that does not exist",
            .operations([operation(1, seen: [Dot(replica: third, counter: 99)])])
        ),
        ("an operation that has seen itself", .operations([operation(1, seen: [Dot(replica: stranger, counter: 1)])])),
        ("a clock of 2⁶³", .operations([operation(1, clock: 1 << 63)])),
        ("the greatest clock", .operations([operation(1, clock: .max)])),
        ("a path of 10,000 keys", .operations([operation(1, path: deep)])),
        ("a removal at a path of 10,000 keys", .operations([operation(1, path: deep, value: nil)])),
        (
            "a key of 100,000 bytes",
            .operations([operation(1, path: StatePath([String(repeating: "k", count: 100_000)]))])
        ),
        ("an object with members as a value", .operations([operation(1, value: ["a": 1])])),
        (
            "an operation in the victim's name",
            .operations([
                Operation(
                    dot: Dot(replica: victimID, counter: 9), stamp: Stamp(clock: 1, replica: victimID), path: "a",
                    value: 1,
                    seen: [])
            ])
        ),
        ("a hello in the victim's name", .hello(.init(replica: victimID, vector: 0, begins: true))),
        ("a vector that knows what the victim will write", .vector(VersionVector([victimID: 99]))),
        ("a difference that knows what the victim will write", delta(vector: [victimID: 99])),
        (
            "a difference with an operation that it does not know",
            delta([.init(path: "a", siblings: [sibling(2)], removals: [])], vector: [stranger: 1])
        ),
        (
            "a difference with the same operation at two paths",
            delta(
                [
                    .init(path: "a", siblings: [sibling(1)], removals: []),
                    .init(path: "b", siblings: [sibling(1)], removals: []),
                ], vector: [stranger: 1])
        ),
        (
            "a difference with an operation that is a value and a removal",
            delta(
                [.init(path: "a", siblings: [sibling(1)], removals: [Dot(replica: stranger, counter: 1)])],
                vector: [stranger: 1])
        ),
        ("a difference that has forgotten what it does not know", delta(vector: [stranger: 1], floor: [stranger: 2])),
        (
            "a difference with a clock of 2⁶³",
            delta([.init(path: "a", siblings: [sibling(1, clock: 1 << 63)], removals: [])], vector: [stranger: 1])
        ),
        (
            "a difference with a path of 10,000 keys",
            delta([.init(path: deep, siblings: [sibling(1)], removals: [])], vector: [stranger: 1])
        ),
        ("a difference that knows 2⁶³ operations", delta(vector: [stranger: 1 << 63])),
        ("a vector that knows 2⁶⁴ − 1 operations", .vector(VersionVector([stranger: .max]))),
    ]

    @Test("It loses its line and the others' state is what it was", arguments: HostileReplicaTests.harmful.indices)
    func lies(_ index: Int) throws {
        let (what, message) = Self.harmful[index]
        var replica = try Self.victim()
        let before = replica.document
        #expect(throws: StateViolation.self, "\(what)") {
            _ = try replica.receive(try Replication.Message(decoding: message.encoded()), from: 0)
        }
        // Also where the bytes have been refused already.
        _ = try? replica.receive(message, from: 0)
        #expect(replica.document.text == before.text, "\(what)")
        #expect(replica.document.totals == before.totals, "\(what)")
        #expect(replica.document.vector == before.vector, "\(what)")
        let late = try Self.joined(replica.document)
        #expect(late.text == before.text, "\(what)")
    }

    /// What somebody gets who comes late.
    private static func joined(_ document: Document, knowing vector: VersionVector? = nil) throws -> Document {
        var late = Document(replica: ReplicaID(5))
        _ = try late.join(document.delta(since: vector ?? VersionVector()))
        return late
    }

    @Test("An operation that claims to have replaced values at other paths replaces none of them, for nobody")
    func seenElsewhere() throws {
        var replica = try Self.victim()
        let seen = [
            Dot(replica: Self.third, counter: 1), Dot(replica: Self.victimID, counter: 1),
            Dot(replica: Self.victimID, counter: 3),
        ]
        _ = try replica.receive(.operations([Self.operation(1, path: "elsewhere", seen: seen)]), from: 0)
        #expect(replica.document.value(at: "theirs") == ["a": 1, "b": 2])
        #expect(replica.document.value(at: "own") == "value")
        let late = try Self.joined(replica.document)
        #expect(late.text == replica.document.text)
        // A removal is told of to those that have the value still.
        var behind = Document(replica: ReplicaID(7))
        var known = VersionVector([Self.third: 2, Self.victimID: 2])
        _ = try behind.join(
            Delta(
                isComplete: false,
                entries: [.init(path: "gone", siblings: [Self.sibling(2, of: Self.victimID)], removals: [])],
                vector: known, floor: VersionVector()))
        known = behind.vector
        _ = try behind.join(replica.document.delta(since: known))
        #expect(behind.value(at: "gone") == nil)
    }

    @Test("A million values at one path pass the limit of 1,024 and go no further")
    func siblings() throws {
        var replica = try Self.victim()
        for counter in 1...1024 as ClosedRange<UInt64> {
            _ = try replica.receive(.operations([Self.operation(counter)]), from: 0)
        }
        let before = replica.document.text
        #expect(throws: StateViolation.self) { try replica.receive(.operations([Self.operation(1025)]), from: 0) }
        #expect(throws: StateViolation.self) {
            try replica.receive(.operations((1025...100_000).map { Self.operation($0) }), from: 0)
        }
        let many = (1025...100_000).map { Self.sibling($0) }
        #expect(throws: StateViolation.self) {
            try replica.receive(
                Self.delta(
                    [.init(path: "a", siblings: many, removals: [])],
                    vector: replica.document.vector.counters.merging([Self.stranger: 100_000]) { $1 }), from: 0)
        }
        #expect(replica.document.text == before)
        // A write that has seen them ends the conflict.
        _ = try replica.write([("a", "one")], now: 0)
        #expect(replica.document.conflicts(at: "a").isEmpty)
        _ = try replica.receive(.operations([Self.operation(1025)]), from: 0)
    }

    @Test(
        "Arrays in each other 10,000 deep, numbers that JSON has not, and lengths of 2⁶⁰ are refused while they are read"
    )
    func values() throws {
        // A transaction of one value at the path "a".
        var writer = StateWriter()
        writer.byte(4)
        writer.varint(1)
        writer.byte(1)
        writer.replica(Self.stranger)
        writer.zigzag(1)
        writer.zigzag(2)
        writer.varint(0)
        writer.varint(1)
        writer.key(StateKey("a"))
        let start = writer.bytes
        #expect(try Replication.Message(decoding: start + [7]) != .vector(VersionVector()))
        let array: [UInt8] = [0xc6, 1]
        let nan: [UInt8] = [0xc3, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f]
        let infinity: [UInt8] = [0xc4, 0, 0, 0x80, 0x7f]
        var huge = StateWriter()
        huge.varint(1 << 60)
        let values: [[UInt8]] = [
            [UInt8](repeatElement(array, count: 10_000).joined()) + [0], nan, infinity, [0xc5] + huge.bytes,
            [0xc6] + huge.bytes, [0xc7] + huge.bytes, [0xcf] + [UInt8](repeating: 0xff, count: 8), [0xd8],
            [0x82, 0xc3, 0x28], [0xc7, 2, 0, 0x01, 0x62, 0, 0, 0],
        ]
        for value in values {
            #expect(throws: StateViolation.self) { try Replication.Message(decoding: start + value) }
        }
        for kind in 0...255 as ClosedRange<UInt8> {
            _ = try? Replication.Message(decoding: [kind] + huge.bytes + [0])
        }
    }

    @Test("A few bytes that stand for paths of many megabytes are refused before these are built")
    func amplification() throws {
        var limits = StateLimits()
        limits.messageBytes = 1 << 18
        var records = RecordWriter(StateWriter())
        let keys = (0..<100).map { StateKey(String(repeating: "k", count: 150) + "\($0)") }
        for counter in 1...1000 as ClosedRange<UInt64> {
            records.write(Self.operation(counter, path: StatePath(steps: keys + [StateKey("\(counter % 2)")])))
        }
        var writer = StateWriter()
        writer.byte(4)
        writer.varint(1000)
        writer.append(records.writer.bytes)
        #expect(writer.bytes.count < 100_000)
        #expect(throws: StateViolation.self) { try Replication.Message(decoding: writer.bytes, limits: limits) }
    }
}
