@testable import ConnectToState

/// What another replica may send: it is taken or refused as a whole, and what was taken is what others get as well.
///
/// The input is messages, each behind two bytes with its length.
func fuzzState(_ source: consuming ByteSource) {
    var source = source
    // So small that limits are reached.
    var limits = StateLimits()
    (limits.depth, limits.pathBytes, limits.values, limits.conflicts, limits.replicas) = (8, 64, 32, 4, 8)
    var replica = Replication(Document(replica: ReplicaID(1), limits: limits))
    _ = try? replica.write([("a", 1), ("b", ["c": "two", "d": [3]])], now: 1)
    _ = try? replica.write([("b.c", nil)], now: 1)
    _ = replica.open(0)
    _ = replica.open(1)
    while !source.isAtEnd {
        let count = Int(source.byte()) | Int(source.byte()) << 8
        let bytes = source.bytes(count)
        guard let message = try? Replication.Message(decoding: bytes, limits: limits) else { continue }
        let encoded = message.encoded()
        let again = try? Replication.Message(decoding: encoded, limits: limits)
        expect(again?.encoded() == encoded, "a message does not survive a round trip")
        planted(hasCapital(message))
        receive(message, replica: &replica)
    }
    var late = Document(replica: newcomer, limits: limits)
    let joined = try? late.join(replica.document.delta(since: VersionVector()))
    expect(joined != nil, "what a replica has taken is refused by the next one")
    expect(late.totals == replica.document.totals, "who comes late gets something else")
    expect(late.vector == replica.document.vector, "who comes late knows something else")
}

private let newcomer = ReplicaID(0x5eed_0000_0000_0000_0000_0000_0000_5eed)

private func receive(_ message: Replication.Message, replica: inout Replication) {
    let before = replica.document
    do throws(StateViolation) {
        _ = try replica.receive(message, from: 0)
        let document = replica.document
        expect(document.totals == document.countedTotals, "a document counts wrongly")
        expect(document.vector.covers(before.vector), "a replica has forgotten operations")
        expect(document.totals.values <= document.limits.values, "more values than the limit")
        // A difference may repair what was lost, which no operation says; so may what an audit leads to.
        guard case .operations = message else { return }
        // A replica that has what was there before gets the rest.
        var other = Document(replica: newcomer, limits: document.limits)
        let isJoined = (try? other.join(before.completeDelta())) != nil
        expect(isJoined && (try? other.join(document.delta(since: before.vector))) != nil, "a difference is refused")
        expect(other.totals == document.totals, "a difference does not have everything")
    } catch {
        expect(replica.document.totals == before.totals, "what was refused has changed values")
        expect(replica.document.vector == before.vector, "what was refused has changed what is known")
    }
}

extension Document {
    fileprivate var countedTotals: Totals {
        var totals = Totals()
        root.forEach(from: StatePath()) { path, node in
            for (index, sibling) in node.siblings.enumerated() {
                totals.add(sibling, at: path, isFirst: index == 0)
            }
        }
        for text in texts.values { totals.grow(by: text.sequence.size) }
        return totals
    }
}

/// Whether a key or a text has a capital letter, which no seed has.
private func hasCapital(_ message: Replication.Message) -> Bool {
    func hasCapital(_ string: String) -> Bool { string.utf8.contains { (0x41...0x5a).contains($0) } }
    guard case .operations(let operations) = message else { return false }
    return operations.contains { operation in
        if case .string(let string) = operation.value, hasCapital(string) { return true }
        return operation.path.keys.contains(where: hasCapital)
    }
}
