import Testing

@testable import ConnectToState

@Suite("The limits of a shared state")
struct LimitsTests {
    private static let small: StateLimits = {
        var limits = StateLimits()
        limits.depth = 4
        limits.pathBytes = 20
        limits.values = 10
        limits.documentBytes = 300
        limits.replicas = 3
        limits.conflicts = 3
        limits.operations = 20
        return limits
    }()

    private static func full() throws -> Document {
        var document = Document(replica: ReplicaID(1), limits: small)
        _ = try document.write((0..<10).map { (StatePath(["\($0)"]), StateValue.integer($0)) }, now: 0)
        return document
    }

    fileprivate static let tooMuch: [(what: String, path: StatePath, value: StateValue)] = [
        ("a path of 5 keys", "a.b.c.d.e", 1),
        ("an object that makes a path of 5 keys", "a.b.c", ["d": ["e": 1]]),
        ("arrays 5 deep", "0", [[[[[1]]]]]),
        ("a path of 21 bytes", "abcdefghij.klmnopqrstu", 1),
        ("an eleventh value", "new", 1),
        ("a value that makes the state larger than 300 bytes", "0", .string(String(repeating: "x", count: 220))),
        ("a number that is none", "0", .number(.nan)),
        ("an infinite number in an array", "0", [.number(.infinity)]),
        ("objects 100,000 deep", "0", (0..<100_000).reduce(1) { value, _ in ["a": value] }),
    ]

    @Test(
        "A write that passes a limit throws and changes nothing, and another one goes through",
        arguments: LimitsTests.tooMuch.indices)
    func ownWrites(_ index: Int) throws {
        let (what, path, value) = Self.tooMuch[index]
        var document = try Self.full()
        let before = document
        #expect(throws: StateViolation.self, "\(what)") { try document.write([("1", "first"), (path, value)], now: 0) }
        #expect(document.text == before.text && document.vector == before.vector, "\(what)")
        #expect(document.totals == before.totals, "\(what)")
        _ = try document.write([("1", "first")], now: 0)
        #expect(document.value(at: "1") == "first")
    }

    @Test(
        "What passes a limit is refused from a line as well, as operations and as a difference",
        arguments: LimitsTests.tooMuch.indices)
    func fromLines(_ index: Int) throws {
        let (what, path, value) = Self.tooMuch[index]
        // A number that is none cannot be written anywhere.
        guard
            case .some = try? { () throws in
                var sender = Document(replica: ReplicaID(2))
                _ = try sender.write([(path, value)], now: 0)
            }()
        else { return }
        var sender = try Self.full().forked(as: ReplicaID(2))
        let operations = try sender.write([(path, value)], now: 0).operations
        var receiver = try Self.full()
        let before = receiver
        #expect(throws: StateViolation.self, "\(what)") { try receiver.apply(operations) }
        #expect(throws: StateViolation.self, "\(what)") { try receiver.join(sender.delta(since: before.vector)) }
        #expect(receiver.text == before.text && receiver.totals == before.totals, "\(what)")
    }

    @Test("A full state can be changed: what replaces or removes something passes no limit")
    func replacing() throws {
        var document = try Self.full()
        var other = try Self.full().forked(as: ReplicaID(2))
        for round in 0..<5 {
            let operations = try document.write(
                (0..<10).map { (StatePath(["\($0)"]), StateValue.integer($0 + Int64(round))) }, now: 0
            ).operations
            _ = try other.apply(operations)
            _ = try document.join(other.delta(since: VersionVector()))
        }
        _ = try document.write([("0", nil), ("new", 1)], now: 0)
        #expect(document.value(at: "new") == 1)
        #expect(document.totals.values == 10)
    }

    @Test("More replicas than the limit are refused, in operations, differences and vectors")
    func replicas() throws {
        var replica = Replication(Document(replica: ReplicaID(1), limits: Self.small))
        _ = replica.open(0)
        var all = Document(replica: ReplicaID(9))
        for number in 2...4 as ClosedRange<UInt128> {
            var writer = Document(replica: ReplicaID(number))
            let operations = try writer.write([("a", 1)], now: 0).operations
            _ = try replica.receive(.operations(operations), from: 0)
            _ = try all.apply(operations)
        }
        var last = Document(replica: ReplicaID(5))
        let operations = try last.write([("b", 1)], now: 0).operations
        _ = try all.apply(operations)
        #expect(throws: StateViolation.self) { try replica.receive(.operations(operations), from: 0) }
        #expect(throws: StateViolation.self) { try replica.receive(.delta(all.completeDelta()), from: 0) }
        #expect(throws: StateViolation.self) { try replica.receive(.vector(all.vector), from: 0) }
        #expect(replica.document.value(at: "b") == nil)
    }

    @Test("A transaction of more operations than the limit is refused, also where it only removes")
    func operations() throws {
        var limits = Self.small
        limits.operations = 8
        limits.documentBytes = 1000
        var document = Document(replica: ReplicaID(1), limits: limits)
        for number in 0..<9 { _ = try document.write([(StatePath(["a", "\(number)"]), 1)], now: 0) }
        let before = document.text
        #expect(throws: StateViolation.self) { try document.write([("a", nil)], now: 0) }
        #expect(document.text == before)
        _ = try document.write([("a.0", nil)], now: 0)
        _ = try document.write([("a", nil)], now: 0)
        #expect(document.value(at: "") == nil)
    }
}

extension Document {
    /// Another replica that holds the same.
    fileprivate func forked(as replica: ReplicaID) throws -> Document {
        var other = Document(replica: replica)
        _ = try other.join(completeDelta())
        return other
    }
}
