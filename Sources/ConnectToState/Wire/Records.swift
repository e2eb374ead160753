/// Writes operations, one after the other, each as the difference to the one before it (dbus/STATE.md, section 5).
struct RecordWriter {
    private(set) var writer: StateWriter
    private var last = LastRecord()

    init(_ writer: StateWriter) {
        self.writer = writer
    }

    mutating func write(_ operation: Operation) {
        write(operation.dot, operation.stamp.clock, operation.path, operation.value, seen: operation.seen)
    }

    /// - Parameter clock: nil where there is none, which is as if it were the last one's.
    mutating func write(
        _ dot: Dot, _ clock: UInt64?, _ path: StatePath, _ value: StateValue?, seen: [Dot] = []
    ) {
        let clock = clock ?? last.clock
        let steps = path.steps
        var flags: RecordFlags = []
        if last.isFollowed(by: dot) { flags.insert(.nextDot) }
        if clock == last.clock {
            flags.insert(.sameClock)
        } else if clock == last.clock &+ 1 {
            flags.insert(.nextClock)
        }
        if !seen.isEmpty { flags.insert(.hasSeen) }
        let shared = zip(steps, last.steps).prefix { $0 == $1 }.count
        if let key = steps.last, shared >= steps.count - 1, steps.count == last.steps.count {
            flags.insert(.sameParent)
            if writer.number(of: key) == last.keyNumber + 1 { flags.insert(.nextKey) }
        }
        writer.byte(flags.rawValue | (value == nil ? RecordKind.removal : .value).rawValue)
        if !flags.contains(.nextDot) { self.dot(dot) }
        if flags.isDisjoint(with: [.sameClock, .nextClock]) { self.clock(clock) }
        if flags.contains(.sameParent), let key = steps.last {
            let number = writer.number(of: key)
            if !flags.contains(.nextKey) { writer.varint(number) }
            writer.finishKey(key, number)
            last.keyNumber = number
        } else {
            writer.varint(UInt64(shared))
            writer.varint(UInt64(steps.count - shared))
            for key in steps[shared...] { last.keyNumber = writer.key(key) }
        }
        value?.write(to: &writer)
        last.take(dot)
        if flags.contains(.hasSeen) {
            writer.varint(UInt64(seen.count))
            for dot in seen { self.dot(dot) }
        }
        last.clock = clock
        last.steps = steps
    }

    /// The difference in milliseconds, and where the clock was not read at that moment what it has beyond them.
    private mutating func clock(_ clock: UInt64) {
        let (before, now) = (Int64(last.clock >> 16), Int64(clock >> 16))
        let rest = clock & 0xffff
        writer.zigzag((now - before) << 1 | (rest == 0 ? 0 : 1))
        if rest > 0 { writer.varint(rest) }
    }

    /// A dot by itself: the replica, and the difference to the counter of the last dot of it.
    private mutating func dot(_ dot: Dot) {
        writer.replica(dot.replica)
        writer.zigzag(Int64(bitPattern: dot.counter &- last.counters[dot.replica, default: 0]))
        last.counters[dot.replica] = dot.counter
    }
}

/// Reads what a ``RecordWriter`` has written.
struct RecordReader {
    private(set) var reader: StateReader
    private var last = LastRecord()
    /// How many bytes the paths may still have. A few bytes can stand for a long path.
    private var budget: Int

    init(_ reader: StateReader) {
        self.reader = reader
        budget = reader.limits.messageBytes
    }

    mutating func read() throws(StateViolation) -> Operation {
        let first = try reader.byte()
        let flags = RecordFlags(rawValue: first & ~RecordKind.mask)
        guard !flags.isSuperset(of: [.sameClock, .nextClock]), let kind = RecordKind(rawValue: first & RecordKind.mask)
        else {
            throw StateViolation("an operation is of a kind that there is not")
        }
        let dot = flags.contains(.nextDot) ? try nextDot() : try self.dot()
        try readClock(flags)
        try readPath(flags)
        let path = StatePath(steps: last.steps)
        let value = kind == .value ? try StateValue(from: &reader, depth: reader.limits.depth) : nil
        try spend(on: path)
        last.take(dot)
        let seen = flags.contains(.hasSeen) ? try readSeen() : []
        return Operation(
            dot: dot, stamp: Stamp(clock: last.clock, replica: dot.replica), path: path, value: value, seen: seen)
    }

    private mutating func nextDot() throws(StateViolation) -> Dot {
        guard let dot = last.dot, dot.counter < Dot.greatestCounter else {
            throw StateViolation("an operation follows one that is not there")
        }
        return Dot(replica: dot.replica, counter: dot.counter + 1)
    }

    private mutating func dot() throws(StateViolation) -> Dot {
        let replica = try reader.replica()
        let counter = last.counters[replica, default: 0] &+ UInt64(bitPattern: try reader.zigzag())
        guard counter > 0 else { throw StateViolation("an operation has the number 0") }
        guard counter <= Dot.greatestCounter else { throw .tooGreatCounter }
        last.counters[replica] = counter
        return Dot(replica: replica, counter: counter)
    }

    private mutating func readClock(_ flags: RecordFlags) throws(StateViolation) {
        if flags.contains(.sameClock) { return }
        if flags.contains(.nextClock) {
            last.clock &+= 1
            return
        }
        let number = try reader.zigzag()
        let rest = number & 1 == 0 ? 0 : try reader.varint()
        let (milliseconds, isTooFar) = Int64(last.clock >> 16).addingReportingOverflow(number >> 1)
        guard !isTooFar, (0..<1 << 48).contains(milliseconds), rest < 1 << 16 else {
            throw StateViolation("a stamp has a clock that does not exist")
        }
        last.clock = UInt64(milliseconds) << 16 | rest
    }

    private mutating func readPath(_ flags: RecordFlags) throws(StateViolation) {
        if flags.contains(.sameParent) {
            guard !last.steps.isEmpty else { throw StateViolation("a path differs in the last key from the empty one") }
            let number = flags.contains(.nextKey) ? last.keyNumber + 1 : try reader.varint()
            last.steps[last.steps.count - 1] = try reader.finishKey(number)
            last.keyNumber = number
        } else {
            let shared = try reader.varint()
            guard shared <= last.steps.count else { throw StateViolation("a path shares more than the last one has") }
            last.steps.removeSubrange(Int(shared)...)
            let count = try reader.count()
            let depth = reader.limits.depth
            guard last.steps.count + count <= depth else { throw reader.limits.over("a path has more keys", depth) }
            for _ in 0..<count {
                let (key, number) = try reader.key()
                last.steps.append(key)
                last.keyNumber = number
            }
        }
    }

    private mutating func readSeen() throws(StateViolation) -> [Dot] {
        var seen: [Dot] = []
        for _ in 0..<(try reader.count()) { seen.append(try dot()) }
        return seen
    }

    private mutating func spend(on path: StatePath) throws(StateViolation) {
        budget -= 16 * path.steps.count + path.byteCount
        if budget < 0 { throw reader.limits.over("the paths of a message have more bytes", reader.limits.messageBytes) }
    }

    /// Goes on with what follows the operations.
    mutating func withReader<Result>(
        _ body: (inout StateReader) throws(StateViolation) -> Result
    ) throws(StateViolation) -> Result {
        try body(&reader)
    }
}

/// What the next operation is the difference to.
private struct LastRecord {
    var dot: Dot?
    /// Of each replica the counter that was written last, of whatever it was.
    var counters: [ReplicaID: UInt64] = [:]
    var clock: UInt64 = 0
    var steps: [StateKey] = []
    /// The number of the last key of the path.
    var keyNumber: UInt64 = 0

    func isFollowed(by next: Dot) -> Bool {
        guard let dot else { return false }
        return dot.replica == next.replica && dot.counter &+ 1 == next.counter
    }

    mutating func take(_ dot: Dot) {
        self.dot = dot
        counters[dot.replica] = dot.counter
    }
}

/// The two lowest bits of an operation's first byte.
private enum RecordKind: UInt8 {
    case removal = 0
    case value = 1

    static let mask: UInt8 = 0b11
}

/// The other bits.
private struct RecordFlags: OptionSet {
    let rawValue: UInt8

    /// The dot is the one after the last operation's.
    static let nextDot = RecordFlags(rawValue: 1 << 2)
    static let sameClock = RecordFlags(rawValue: 1 << 3)
    /// The path is as long as the last one, and differs in the last key at most.
    static let sameParent = RecordFlags(rawValue: 1 << 4)
    /// With it: that key has the number after the last key's.
    static let nextKey = RecordFlags(rawValue: 1 << 5)
    static let hasSeen = RecordFlags(rawValue: 1 << 6)
    /// The clock is one more than the last one.
    static let nextClock = RecordFlags(rawValue: 1 << 7)
}
