import Testing

@testable import ConnectToState

@Suite("A text that replicas edit at the same time")
struct TextSequenceTests {
    private var one = TextReplica(1)
    private var other = TextReplica(2)
    private var third = TextReplica(3)

    @Test("Text is inserted, replaced and removed at UTF-16 offsets")
    mutating func editing() {
        one.edit(0..<0, "Hello world")
        one.edit(5..<5, ",")
        one.edit(7..<12, "👋🏽 x")
        #expect(one.string == "Hello, 👋🏽 x")
        #expect(one.utf16Count == one.string.utf16.count)
        one.edit(0..<7, "")
        #expect(one.string == "👋🏽 x")
        one.edit(0..<100, "")
        #expect(one.string == "")
    }

    @Test("An offset within a surrogate pair counts as before the character, and removing half of one removes it")
    mutating func surrogates() {
        one.edit(0..<0, "a😀b")
        one.edit(2..<2, "x")
        #expect(one.string == "ax😀b")
        one.edit(3..<4, "")
        #expect(one.string == "axb")
    }

    @Test("Two replicas that write forward in the same place find one text after the other")
    mutating func forward() throws {
        try interleave { replica, letter, count in replica.edit(1 + count..<1 + count, letter) }
    }

    @Test("Two replicas that write backward in the same place find one text after the other")
    mutating func backward() throws {
        try interleave { replica, letter, _ in replica.edit(1..<1, letter) }
    }

    @Test("Three replicas that write and correct in the same place find their texts one after the other")
    mutating func corrected() throws {
        try interleave { replica, letter, count in
            replica.edit(1 + count..<1 + count, letter + "x")
            replica.edit(2 + count..<3 + count, "")
        }
    }

    /// All write twenty letters of their own between two that were there, without knowing of each other.
    private mutating func interleave(_ write: (inout TextReplica, String, Int) -> Void) throws {
        let start = one.edit(0..<0, "<>")
        try other.apply(start)
        try third.apply(start)
        let before = one.document.vector
        for count in 0..<20 {
            write(&one, "a", count)
            write(&other, "b", count)
            write(&third, "c", count)
        }
        let deltas = [one, other, third].map { $0.document.delta(since: before) }
        for delta in deltas { _ = try one.document.join(delta) }
        for delta in deltas.reversed() { _ = try other.document.join(delta) }
        let runs = one.string.reduce(into: "") { if $0.last != $1 { $0.append($1) } }
        #expect(one.string.count == 62)
        #expect(runs.count == 5, "\(one.string)")
        #expect(one.string == other.string)
    }

    @Test("What two replicas remove is gone, and what one inserts there at the same time stays")
    mutating func removing() throws {
        try other.apply(one.edit(0..<0, "abcdef"))
        let first = one.edit(1..<4, "")
        let second = other.edit(2..<5, "X")
        try one.apply(second)
        try other.apply(first)
        #expect(one.string == "aXf")
        #expect(other.string == "aXf")
        try one.apply(second)
        #expect(one.string == "aXf")
    }

    @Test("A cursor stays beside its character, and where that was when it is gone")
    mutating func cursors() throws {
        try other.apply(one.edit(0..<0, "one two"))
        let afterSpace = one.sequence.anchor(at: 4, beside: .left)
        let beforeT = one.sequence.anchor(at: 4, beside: .right)
        let end = one.sequence.anchor(at: 7, beside: .right)
        try one.apply(other.edit(4..<4, "and "))
        try one.apply(other.edit(0..<0, "😀"))
        #expect(one.string == "😀one and two")
        #expect(one.sequence.offset(of: afterSpace) == 6)
        #expect(one.sequence.offset(of: beforeT) == 10)
        #expect(one.sequence.offset(of: end) == 13)
        #expect(other.sequence.offset(of: beforeT) == 10)
        try one.apply(other.edit(4..<12, ""))
        #expect(one.string == "😀ono")
        #expect(one.sequence.offset(of: afterSpace) == 4)
        #expect(one.sequence.offset(of: beforeT) == 4)
        #expect(third.sequence.offset(of: beforeT) == nil)
    }

    @Test("Typing makes one run, and removing one character after the other makes no more than one")
    mutating func runs() {
        for index in 0..<300 { one.edit(index..<index, "é") }
        #expect(one.sequence.runs.count == 2)
        for index in (100..<300).reversed() { one.edit(index..<index + 1, "") }
        #expect(one.sequence.runs.count == 3)
        for _ in 0..<50 { one.edit(10..<11, "") }
        #expect(one.sequence.runs.count == 5)
        #expect(one.string == String(repeating: "é", count: 50))
    }

    @Test("A copy is what the text was, whatever is written afterwards")
    mutating func copies() {
        one.edit(0..<0, "before")
        let copy = one.sequence
        one.edit(0..<6, "after")
        #expect(copy.string == "before")
        #expect(one.string == "after")
    }

    @Test("A replica that comes back gets what was edited since, and one that lacks forgotten removals gets everything")
    mutating func differences() throws {
        try other.apply(one.edit(0..<0, String(repeating: "long ago ", count: 1000)))
        one.edit(4..<4, "er")
        one.edit(8..<9, "")
        let delta = one.document.delta(since: other.document.vector)
        #expect(!delta.isComplete)
        #expect(delta.texts.first?.delta.pieces.map(\.content) == [.text("er")])
        #expect(delta.texts.first?.delta.removals.count == 1)
        one.document.forgetRemovals(keeping: 0)
        #expect(one.document.delta(since: other.document.vector).isComplete)
        _ = try other.document.join(one.document.delta(since: other.document.vector))
        #expect(other.string == one.string)
        _ = try third.document.join(other.document.delta(since: VersionVector()))
        #expect(third.string == one.string)
    }

    @Test("A replica that has the beginning of what was typed gets the rest of it")
    mutating func typedOn() throws {
        try other.apply(one.edit(0..<0, "begin"))
        one.edit(5..<5, "ning")
        let delta = one.document.delta(since: other.document.vector)
        #expect(delta.texts.first?.delta.pieces.map(\.content) == [.text("ning")])
        _ = try other.document.join(delta)
        #expect(other.string == "beginning")
    }

    @Test("A text counts as bytes of the document: what passes the limit is refused, here and over a line")
    mutating func limits() throws {
        var limits = StateLimits()
        limits.documentBytes = 20
        var small = Document(limits: limits)
        _ = try small.edit(TextReplica.name, 0..<0, with: "twelve bytes")
        #expect(throws: StateViolation.self) { try small.edit(TextReplica.name, 0..<0, with: "nine byte") }
        #expect(throws: StateViolation.self) { try small.write([("path", "value")], now: 0) }
        #expect(small.texts[TextReplica.name]?.sequence.string == "twelve bytes")
        let edits = one.edit(0..<0, "nine byte")
        #expect(throws: StateViolation.self) { try small.apply(edits) }
        #expect(throws: StateViolation.self) { try small.join(one.document.delta(since: VersionVector())) }
        _ = try small.edit(TextReplica.name, 0..<12, with: "")
        #expect(small.totals.bytes == 12)
        _ = try small.edit(TextReplica.name, 0..<0, with: "€€")
        #expect(small.totals.bytes == 18)
    }

    @Test("Edits that leave some out, or stand beside characters that have not come, are refused as a whole")
    mutating func violations() throws {
        let first = one.edit(0..<0, "ab")
        let second = one.edit(2..<2, "c")
        #expect(throws: StateViolation.self) { try other.apply(second) }
        let dot = Dot(replica: ReplicaID(9), counter: 1)
        let unknown = Dot(replica: ReplicaID(1), counter: 7)
        for edit: TextOperation.Edit in [
            .insert("x", parent: unknown, side: .right), .insert("", parent: nil, side: .right), .remove([]),
            .remove([DotRange(replica: ReplicaID(1), first: 1, count: 9)]),
            .remove([DotRange(replica: ReplicaID(1), first: 1, count: UInt64.max)]),
            .remove([DotRange(replica: ReplicaID(1), first: 0, count: 1)]),
        ] {
            let lie = TextOperation(dot: dot, text: TextReplica.name, edit: edit)
            #expect(throws: StateViolation.self) { try other.apply(first + [lie]) }
        }
        #expect(other.string == "")
        #expect(other.document.vector == VersionVector())
        try other.apply(first + second)
        #expect(other.string == "abc")
    }
}

/// A replica with one text.
struct TextReplica {
    static let name = StateKey("text")
    var document: Document

    init(_ number: UInt128) {
        document = Document(replica: ReplicaID(number))
    }

    var sequence: TextSequence { document.texts[Self.name]?.sequence ?? TextSequence() }
    var string: String { sequence.string }
    var utf16Count: Int { sequence.utf16Count }

    @discardableResult
    mutating func edit(_ range: Range<Int>, _ string: String) -> [TextOperation] {
        (try? document.edit(Self.name, range, with: string).operations) ?? []
    }

    mutating func apply(_ operations: [TextOperation]) throws {
        _ = try document.apply(operations)
    }
}
