/// Which operations are known: of each replica all up to a number.
struct VersionVector: Hashable, Sendable {
    private(set) var counters: [ReplicaID: UInt64] = [:]
    /// The sum of the fingerprints of each replica's last dot: the same for vectors that know the same.
    private(set) var fingerprint: UInt64 = 0

    init(_ counters: [ReplicaID: UInt64] = [:]) {
        for (replica, counter) in counters { insert(Dot(replica: replica, counter: counter)) }
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
        let known = self[dot.replica]
        if known >= dot.counter { return }
        if known > 0 { fingerprint &-= Dot(replica: dot.replica, counter: known).fingerprint }
        fingerprint &+= dot.fingerprint
        counters[dot.replica] = dot.counter
    }

    mutating func formUnion(_ other: VersionVector) {
        for (replica, counter) in other.counters { insert(Dot(replica: replica, counter: counter)) }
    }
}
