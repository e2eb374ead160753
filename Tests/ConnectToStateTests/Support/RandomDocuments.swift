@testable import ConnectToState

/// Paths, values and documents as they come, the same for the same seed.
struct RandomDocuments {
    var generator: SplitMix

    init(seed: UInt64) {
        generator = SplitMix(state: seed)
    }

    /// SplitMix64.
    struct SplitMix: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
            return mixed ^ (mixed >> 31)
        }
    }

    private mutating func number(_ range: Range<Int>) -> Int { .random(in: range, using: &generator) }

    mutating func path() -> StatePath {
        StatePath((0..<number(0..<4)).map { _ in ["a", "b", "key", "key1", "", "ключ", "😀"][number(0..<7)] })
    }

    mutating func string() -> String {
        let length = [0, 1, 5, 63, 64, 200][number(0..<6)]
        return String((0..<length).map { _ in ["x", "é", "😀", "\0"][number(0..<4)] as Character })
    }

    mutating func value(depth: Int = 3) -> StateValue {
        switch number(0..<(depth > 0 ? 9 : 7)) {
        case 0: .null
        case 1: .bool(number(0..<2) == 0)
        case 2: .integer(Int64(bitPattern: generator.next() >> UInt64(number(0..<64))))
        case 3: .integer(-Int64(number(0..<70)))
        case 4: .number(Double(number(0..<100)) / 8)
        case 5: .number(Double.random(in: -1e9...1e9, using: &generator))
        case 6: .string(string())
        case 7: .array((0..<number(0..<4)).map { _ in value(depth: depth - 1) })
        default:
            .object([String: StateValue]((0..<number(0..<4)).map { ("k\($0)", value(depth: depth - 1)) }) { $1 })
        }
    }

    /// A document that three replicas have written at the same time, and the transactions that it was made of.
    mutating func document() throws -> (document: Document, transactions: [[Operation]]) {
        var documents = (1...3).map { Document(replica: ReplicaID(UInt128($0) << 90 | UInt128($0))) }
        var transactions: [[Operation]] = []
        for _ in 0..<number(1..<30) {
            let writer = number(0..<3)
            let writes = (0..<number(1..<4)).map { _ in (path(), number(0..<4) == 0 ? nil : value()) }
            let operations = try documents[writer].write(writes, now: UInt64(number(0..<1 << 40))).operations
            transactions.append(operations)
            if number(0..<3) == 0 {
                for other in 0..<3 where other != writer {
                    _ = try documents[other].join(documents[writer].delta(since: documents[other].vector))
                }
            }
        }
        for writer in 1..<3 { _ = try documents[0].join(documents[writer].delta(since: documents[0].vector)) }
        if number(0..<3) == 0 { documents[0].forgetRemovals(keeping: number(0..<3)) }
        return (documents[0], transactions)
    }
}
