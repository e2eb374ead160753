import ConnectToLinux

/// Chance that can be had again: SplitMix64.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }

    /// Another one, for a task of its own.
    mutating func fork() -> Seeded { Seeded(next()) }
}

/// What was done, by name.
final class Tally: Sendable {
    private let counts = Lock<[String: Int]>([:])

    func add(_ what: String, _ count: Int = 1) {
        counts.withLock { $0[what, default: 0] += count }
    }

    subscript(_ what: String) -> Int { counts.withLock { $0[what] ?? 0 } }

    var text: String {
        counts.withLock { counts in
            counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        }
    }
}

/// Something that must never happen has.
struct Broken: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// - Throws: ``Broken`` where a promise does not hold.
func hold(_ promise: Bool, _ otherwise: @autoclosure () -> String) throws {
    if !promise { throw Broken(otherwise()) }
}
