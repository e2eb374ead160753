extension VersionVector {
    /// How many, and each replica with its counter, in the order of their ids.
    func write(to writer: inout StateWriter) {
        writer.varint(UInt64(counters.count))
        for (replica, counter) in counters.sorted(by: { $0.key < $1.key }) {
            writer.replica(replica)
            writer.varint(counter)
        }
    }

    init(from reader: inout StateReader) throws(StateViolation) {
        var counters: [ReplicaID: UInt64] = [:]
        for _ in 0..<(try reader.count()) {
            let replica = try reader.replica()
            let counter = try reader.varint()
            guard counter <= Dot.greatestCounter else { throw .tooGreatCounter }
            guard counter > 0, counters.updateValue(counter, forKey: replica) == nil else {
                throw StateViolation("a vector has a replica twice, or one without operations")
            }
        }
        self.init(counters)
    }
}
