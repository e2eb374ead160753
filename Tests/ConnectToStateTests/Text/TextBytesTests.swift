import Testing

@testable import ConnectToState

@Suite("Texts, as bytes between replicas")
struct TextBytesTests {
    private var one = TextReplica(1)
    private var other = TextReplica(2)

    @Test("A difference with all kinds of edits is read as it was written, and gives the text")
    mutating func difference() throws {
        try other.apply(one.edit(0..<0, String(repeating: "héllo 😀 ", count: 300)))
        try one.apply(other.edit(7..<1200, "x"))
        for index in 0..<40 {
            try other.apply(one.edit(index..<index + 1, "a"))
            try one.apply(other.edit(0..<2, "b€"))
        }
        let message = Replication.Message.delta(one.document.delta(since: VersionVector()))
        #expect(try Replication.Message(decoding: message.encoded()) == message)
        var late = Document()
        guard case .delta(let delta) = try Replication.Message(decoding: message.encoded()) else { return }
        _ = try late.join(delta)
        #expect(late.texts[TextReplica.name]?.sequence.string == one.string)
    }

    @Test("One keystroke is a message of fewer than 40 bytes")
    mutating func keystroke() {
        one.edit(0..<0, String(repeating: "a", count: 10_000))
        #expect(Replication.Message.edits(one.edit(5_000..<5_000, "x")).encoded().count < 40)
        #expect(Replication.Message.edits(one.edit(5_000..<5_001, "")).encoded().count < 48)
    }

    @Test("What is gone is told without its content: a text that was written and removed again takes a few bytes")
    mutating func gone() {
        for index in 0..<2_000 { one.edit(index..<index, "x") }
        one.edit(0..<2_000, "")
        one.document.forgetRemovals(keeping: 0)
        let delta = Replication.Message.delta(one.document.delta(since: VersionVector()))
        #expect(delta.encoded().count < 80)
    }

    @Test("A difference with any byte changed, or cut anywhere, is refused or harmless")
    mutating func damage() throws {
        try other.apply(one.edit(0..<0, "some text of one"))
        try one.apply(other.edit(3..<8, "of another"))
        one.edit(2..<4, "")
        let bytes = Replication.Message.delta(one.document.delta(since: VersionVector())).encoded()
        let live = Replication.Message.edits(one.edit(2..<4, "replaced")).encoded()
        for message in [bytes, live] {
            for place in message.indices {
                for bit in 0..<8 {
                    var damaged = message
                    damaged[place] ^= 1 << bit
                    receive(damaged)
                }
                receive(Array(message[..<place]))
            }
        }
    }

    /// A replica that knows half of it receives a message, and writes on.
    private func receive(_ bytes: [UInt8]) {
        var replica = other
        guard let message = try? Replication.Message(decoding: bytes) else { return }
        let before = replica.string
        let vector = replica.document.vector
        do {
            switch message {
            case .delta(let delta): _ = try replica.document.join(delta)
            case .edits(let edits): _ = try replica.document.apply(edits)
            default: return
            }
        } catch {
            #expect(replica.string == before)
            #expect(replica.document.vector == vector)
        }
        replica.edit(0..<1, "on")
        #expect(replica.string.hasPrefix("on"))
    }

    @Test(
        "A difference that leaves a parent out, names characters twice or counts to 2⁶³ is refused",
        arguments: [
            [piece(1, nil, .text("a")), piece(1, nil, .text("b"))],
            [piece(1, nil, .text("abc")), piece(2, nil, .text("b"))],
            [piece(1, 7, .text("a"))],
            [piece(1, nil, .text(""))],
            [piece(0, nil, .text("a"))],
            [piece(1, nil, .gone(0))],
            [piece(1, nil, .gone(-1))],
            [piece(UInt64.max - 1, nil, .gone(5))],
            [piece(1, nil, .gone(Int.max))],
            [piece(99, nil, .text("ab"))],
        ])
    func lies(pieces: [TextDelta.Piece]) {
        var document = Document(replica: ReplicaID(1))
        let delta = Delta(
            isComplete: false, entries: [],
            texts: [.init(name: TextReplica.name, delta: TextDelta(pieces: pieces))],
            vector: VersionVector([ReplicaID(9): 99]), floor: VersionVector())
        #expect(throws: StateViolation.self) { try document.join(delta) }
        #expect(document.texts.isEmpty)
        #expect(document.vector == VersionVector())
    }

    private static func piece(
        _ counter: UInt64, _ parent: UInt64?, _ content: TextDelta.Piece.Content
    ) -> TextDelta.Piece {
        let replica = ReplicaID(9)
        return TextDelta.Piece(
            dot: Dot(replica: replica, counter: counter), parent: parent.map { Dot(replica: replica, counter: $0) },
            side: .right, content: content)
    }
}
