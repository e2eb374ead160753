/// Which replica: 128 random bits for each store object. It is never saved and never used again, so that no two
/// replicas ever count with the same id.
public struct ReplicaID: Hashable, Sendable, CustomStringConvertible {
    let number: UInt128

    init(_ number: UInt128) {
        self.number = number
    }

    /// 32 hexadecimal digits.
    public var description: String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 32 - digits.count) + digits
    }

    static func random() -> ReplicaID {
        ReplicaID(.random(in: 0...UInt128.max))
    }
}

extension ReplicaID: Comparable {
    public static func < (left: ReplicaID, right: ReplicaID) -> Bool { left.number < right.number }
}

/// Which operation: the replica's own ones are counted from 1 on, without a gap.
struct Dot: Hashable, Sendable {
    let replica: ReplicaID
    let counter: UInt64

    /// One beyond is a lie: nobody counts that far. So the next one of each can be named.
    static let greatestCounter = UInt64(Int64.max)
}

extension Dot: Comparable {
    static func < (left: Dot, right: Dot) -> Bool {
        (left.replica, left.counter) < (right.replica, right.counter)
    }
}

/// When, as far as an order is needed: a hybrid logical clock, and the replica for writes at the same time. All
/// operations of a transaction have the same stamp.
struct Stamp: Hashable, Sendable {
    /// The milliseconds since 1970 times 2¹⁶, or one more than the greatest that the replica has seen: the greater.
    let clock: UInt64
    let replica: ReplicaID

    /// A clock beyond is a broken one. Where a lie has brought it here, it stands still: writes that know nothing of
    /// each other are then ordered by their replicas alone, the same everywhere.
    static let greatestClock = UInt64(Int64.max)
}

extension Stamp: Comparable {
    static func < (left: Stamp, right: Stamp) -> Bool {
        (left.clock, left.replica) < (right.clock, right.replica)
    }
}
