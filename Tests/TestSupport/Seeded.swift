import ConnectToLinux

/// Chance that can be had again: SplitMix64.
package struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    package init(_ seed: UInt64) {
        state = seed
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }

    /// Another one, for a task of its own.
    package mutating func fork() -> Seeded { Seeded(next()) }
}

/// What was done, by name.
package final class Tally: Sendable {
    private let counts = Lock<[String: Int]>([:])

    package init() {}

    package func add(_ what: String, _ count: Int = 1) {
        counts.withLock { $0[what, default: 0] += count }
    }

    package subscript(_ what: String) -> Int { counts.withLock { $0[what] ?? 0 } }

    /// How many there were in all.
    package var total: Int { counts.withLock { $0.values.reduce(0, +) } }

    package var names: [String] { counts.withLock { $0.keys.sorted() } }

    package var text: String {
        counts.withLock { counts in
            counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        }
    }
}
