import Testing

@testable import ConnectToState

@Suite("A document")
struct DocumentTests {
    private var one = Document(replica: ReplicaID(1))
    private var other = Document(replica: ReplicaID(2))

    @Test("A value is read as it was written, whole or at a path inside of it")
    mutating func reading() throws {
        _ = try one.write([("user", ["name": "Ada", "tags": ["a", "b"], "empty": [:]])], now: 0)
        #expect(one.value(at: "user.name") == "Ada")
        #expect(one.value(at: "user") == ["name": "Ada", "tags": ["a", "b"], "empty": [:]])
        #expect(one.value(at: "user.tags.0") == nil)
        #expect(one.value(at: "") == ["user": ["name": "Ada", "tags": ["a", "b"], "empty": [:]]])
    }

    @Test("Writing an object replaces the one that was there, and a value of one of its keys leaves the others")
    mutating func replacing() throws {
        _ = try one.write([("user", ["name": "Ada", "age": 36])], now: 0)
        _ = try one.write([("user.age", 37)], now: 0)
        #expect(one.value(at: "user") == ["name": "Ada", "age": 37])
        _ = try one.write([("user", ["name": "Grace"])], now: 0)
        #expect(one.value(at: "user") == ["name": "Grace"])
        _ = try one.write([("user", nil)], now: 0)
        #expect(one.value(at: "") == nil)
    }

    @Test("Two values written at the same time stay until a write that knows both, and all show the same one")
    mutating func conflict() throws {
        let ones = try one.write([("a", 1)], now: 0).operations
        let others = try other.write([("a", 2)], now: 0).operations
        _ = try one.apply(others)
        _ = try other.apply(ones)
        #expect(one.value(at: "a") == 2)
        #expect(other.value(at: "a") == 2)
        #expect(one.conflicts(at: "a") == [1])
        _ = try other.apply(one.write([("a", 3)], now: 0).operations)
        #expect(other.value(at: "a") == 3)
        #expect(other.conflicts(at: "a") == [])
    }

    @Test("What a replica writes after it has seen a value is shown, however far behind its clock is")
    mutating func clocks() throws {
        _ = try one.apply(other.write([("a", "from a clock that is ahead")], now: 1 << 40).operations)
        _ = try other.apply(one.write([("a", "later")], now: 5).operations)
        #expect(one.value(at: "a") == "later")
        #expect(other.value(at: "a") == "later")
    }

    @Test("A value and others inside of it, written at the same time: the latest is shown, and hides the others")
    mutating func clash() throws {
        let ones = try one.write([("a", "whole")], now: 2).operations
        let others = try other.write([("a.b", 1), ("a.c", 2)], now: 1).operations
        let changes = try one.apply(others).changes
        #expect(changes.isEmpty)
        #expect(try other.apply(ones).changes.map(\.path) == ["a", "a.b", "a.c"])
        #expect(other.value(at: "a") == "whole")
        // What was hidden is uncovered when what hid it is replaced.
        _ = try other.apply(one.write([("a.x", 3)], now: 3).operations)
        #expect(one.value(at: "a") == ["b": 1, "c": 2, "x": 3])
        #expect(other.value(at: "a") == ["b": 1, "c": 2, "x": 3])
    }

    @Test("An operation that comes twice changes nothing the second time")
    mutating func twice() throws {
        let operations = try one.write([("a", 1)], now: 0).operations
        _ = try other.apply(operations)
        #expect(try other.apply(operations).operations.isEmpty)
        #expect(other.conflicts(at: "a") == [])
    }

    @Test("Operations that leave one out, or claim to have seen what has not come, are refused as a whole")
    mutating func gaps() throws {
        let first = try one.write([("a", 1)], now: 0).operations
        let second = try one.write([("a", 2)], now: 0).operations
        #expect(throws: StateViolation.self) { try other.apply(second) }
        let lie = Operation(
            dot: Dot(replica: ReplicaID(3), counter: 1), stamp: Stamp(clock: 1, replica: ReplicaID(3)), path: "a",
            value: 3, seen: [Dot(replica: ReplicaID(1), counter: 9)])
        #expect(throws: StateViolation.self) { try other.apply(first + [lie]) }
        #expect(other.value(at: "a") == nil)
        #expect(other.vector == VersionVector())
    }

    @Test("A replica that finds its own id at another one says so")
    mutating func sameReplica() throws {
        var twin = Document(replica: ReplicaID(1))
        let operations = try twin.write([("a", 1)], now: 0).operations
        #expect(throws: StateViolation.sameReplica) { try one.apply(operations) }
        #expect(throws: StateViolation.sameReplica) { try one.join(twin.delta(since: VersionVector())) }
    }

    @Test("A clock of 2⁶³ − 1 does not stop anybody from writing")
    mutating func greatestClock() throws {
        let stamp = Stamp(clock: Stamp.greatestClock, replica: ReplicaID(3))
        let dot = Dot(replica: ReplicaID(3), counter: 1)
        _ = try one.apply([Operation(dot: dot, stamp: stamp, path: "a", value: 1, seen: [])])
        _ = try one.write([("a", 2)], now: 7)
        #expect(one.value(at: "a") == 2)
    }

    @Test("A replica that comes back gets what has changed, and one that lacks forgotten removals gets everything")
    mutating func differences() throws {
        _ = try other.apply(one.write([("a", 1), ("b", 2), ("c", 3)], now: 0).operations)
        _ = try one.write([("b", nil)], now: 0)
        let delta = one.delta(since: other.vector)
        #expect(!delta.isComplete)
        #expect(delta.entries.map(\.path) == ["b"])
        one.forgetRemovals(keeping: 0)
        #expect(one.delta(since: other.vector).isComplete)
        _ = try other.join(one.delta(since: other.vector))
        #expect(other.value(at: "") == ["a": 1, "c": 3])
    }
}

@Suite("A path of a document")
struct StatePathTests {
    @Test("A path reads as it is written, with dots or as a JSON pointer")
    func writing() {
        #expect(StatePath("user.name").keys == ["user", "name"])
        #expect(StatePath(pointer: "/a~1b/c.d/~0")?.keys == ["a/b", "c.d", "~"])
        #expect(StatePath(["a/b", "c.d", "~"]).description == "/a~1b/c.d/~0")
        #expect(StatePath(["a", "b"]).description == "a.b")
        #expect(StatePath(pointer: "a") == nil)
        #expect(StatePath(pointer: "/~2") == nil)
        #expect(StatePath(pointer: "")?.keys == [])
        #expect(StatePath(pointer: "/")?.keys == [""])
    }

    @Test("Keys with the same letters and other bytes are two keys")
    func bytes() {
        #expect(StatePath("\u{e9}") != StatePath("e\u{301}"))
    }
}
