import Testing

@testable import ConnectToState

@Suite("Messages between replicas, whatever is in them", .timeLimit(.minutes(5)))
struct MessageRoundTripTests {
    /// Of random documents, the same in each run.
    private func messages(seed: UInt64) throws -> [Replication.Message] {
        var random = RandomDocuments(seed: seed)
        let (document, transactions) = try random.document()
        let known = VersionVector(document.vector.counters.mapValues { $0 / 2 }.filter { $0.value > 0 })
        return [
            .hello(.init(replica: document.replica, vector: document.vector.fingerprint, begins: seed % 2 == 0)),
            .audit(.init(document, wantsAnswer: seed % 2 == 0)), .vector(document.vector),
            .delta(document.delta(since: known)), .delta(document.completeDelta()),
        ] + transactions.map { .operations($0) }
    }

    @Test("Every message is read as it was written", arguments: 0..<200 as Range<UInt64>)
    func roundTrip(seed: UInt64) throws {
        for message in try messages(seed: seed) {
            let read = try Replication.Message(decoding: message.encoded())
            if case .delta(let sent) = message, case .delta(let came) = read {
                // Which path comes first says nothing.
                #expect(Set(sent.entries.map(Self.sorted)) == Set(came.entries))
                #expect((sent.vector, sent.floor, sent.isComplete) == (came.vector, came.floor, came.isComplete))
            } else {
                #expect(read == message)
            }
        }
    }

    private static func sorted(_ entry: Delta.Entry) -> Delta.Entry {
        Delta.Entry(path: entry.path, siblings: entry.siblings, removals: entry.removals.sorted())
    }

    @Test("A message that is cut anywhere is a violation", arguments: 0..<20 as Range<UInt64>)
    func cut(seed: UInt64) throws {
        for message in try messages(seed: seed) {
            let bytes = message.encoded()
            for count in bytes.indices {
                #expect(throws: StateViolation.self) { try Replication.Message(decoding: bytes[..<count]) }
            }
            #expect(throws: StateViolation.self) { try Replication.Message(decoding: bytes + [0]) }
        }
    }

    @Test(
        "A message with a byte that is another one is a violation, or a message that a replica takes or refuses whole")
    func changed() throws {
        var random = RandomDocuments(seed: 77)
        for seed in 0..<40 as Range<UInt64> {
            let messages = try messages(seed: seed)
            for message in messages {
                var bytes = message.encoded()
                for _ in 0..<20 {
                    let place = Int.random(in: bytes.indices, using: &random.generator)
                    let old = bytes[place]
                    bytes[place] = .random(in: 0...255, using: &random.generator)
                    try receive(bytes)
                    bytes[place] = old
                }
            }
        }
    }

    private func receive(_ bytes: [UInt8]) throws {
        guard let message = try? Replication.Message(decoding: bytes) else { return }
        #expect(try Replication.Message(decoding: message.encoded()).encoded() == message.encoded())
        var replica = Replication(Document(replica: ReplicaID(99)))
        _ = try replica.write([("a", 1), ("key", ["b": 2])], now: 0)
        _ = replica.open(0)
        let before = replica.document.text
        do {
            _ = try replica.receive(message, from: 0)
            #expect(replica.document.totals == replica.document.countedTotals)
        } catch {
            #expect(replica.document.text == before)
        }
    }

    @Test("A message in pieces is put together again, whatever their size")
    func pieces() throws {
        for message in try messages(seed: 3) {
            let bytes = message.encoded()
            for size in [1, 2, 7, bytes.count - 1, bytes.count, bytes.count + 1] where size > 0 {
                var assembly = MessageAssembly(limits: StateLimits())
                let pieces = MessagePieces.cut(bytes, size: size)
                #expect(pieces.count == (bytes.count + size - 1) / size)
                for piece in pieces.dropLast() { #expect(try assembly.take(piece) == nil) }
                #expect(try assembly.take(pieces[pieces.count - 1])?.encoded() == bytes)
                #expect(try assembly.take(MessagePieces.cut(bytes)[0])?.encoded() == bytes)
            }
        }
    }

    @Test("Pieces without end are a violation as soon as they pass the limit for messages")
    func endless() throws {
        var limits = StateLimits()
        limits.messageBytes = 1000
        var assembly = MessageAssembly(limits: limits)
        let piece = [1] + [UInt8](repeating: 0, count: 100)
        for _ in 0..<10 { #expect(try assembly.take(piece) == nil) }
        #expect(throws: StateViolation.self) { try assembly.take(piece) }
        var empty = MessageAssembly(limits: limits)
        #expect(throws: StateViolation.self) { try empty.take([]) }
        #expect(throws: StateViolation.self) { try empty.take([2, 1]) }
    }
}
