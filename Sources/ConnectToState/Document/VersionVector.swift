/// Which operations are known: of each replica all up to a number.
struct VersionVector: Hashable, Sendable {
    private(set) var counters: [ReplicaID: UInt64] = [:]

    init(_ counters: [ReplicaID: UInt64] = [:]) {
        self.counters = counters
    }

    subscript(replica: ReplicaID) -> UInt64 {
        counters[replica, default: 0]
    }

    func contains(_ dot: Dot) -> Bool {
        self[dot.replica] >= dot.counter
    }

    /// Whether everything that the other one knows is known.
    func covers(_ other: VersionVector) -> Bool {
        other.counters.allSatisfy { self[$0.key] >= $0.value }
    }

    mutating func insert(_ dot: Dot) {
        if self[dot.replica] < dot.counter { counters[dot.replica] = dot.counter }
    }

    mutating func formUnion(_ other: VersionVector) {
        counters.merge(other.counters, uniquingKeysWith: max)
    }
}
