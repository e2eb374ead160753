/// The bits of a difference's first byte.
private enum DeltaFlags {
    static let complete: UInt8 = 1
    /// What is lacking of texts follows the operations.
    static let texts: UInt8 = 2
}

extension Delta {
    /// Everything at all of its paths, one by one in the order of the dots: so those of one replica follow each other.
    func write(to writer: inout StateWriter) {
        writer.byte((isComplete ? DeltaFlags.complete : 0) | (texts.isEmpty ? 0 : DeltaFlags.texts))
        vector.write(to: &writer)
        if isComplete { floor.write(to: &writer) }
        var marks: [(dot: Dot, clock: UInt64?, path: StatePath, value: StateValue?)] = []
        for entry in entries {
            marks += entry.siblings.map { ($0.dot, $0.stamp.clock, entry.path, $0.value) }
            marks += entry.removals.map { ($0, nil, entry.path, nil) }
        }
        marks.sort { $0.dot < $1.dot }
        writer.varint(UInt64(marks.count))
        var records = RecordWriter(writer)
        for mark in marks { records.write(mark.dot, mark.clock, mark.path, mark.value) }
        writer = records.writer
        if texts.isEmpty { return }
        writer.varint(UInt64(texts.count))
        for text in texts { text.write(to: &writer) }
    }

    init(from reader: inout StateReader) throws(StateViolation) {
        let flags = try reader.byte()
        guard flags <= DeltaFlags.complete | DeltaFlags.texts else {
            throw StateViolation("a difference has a flag that there is not")
        }
        let vector = try VersionVector(from: &reader)
        let isComplete = flags & DeltaFlags.complete != 0
        let floor = isComplete ? try VersionVector(from: &reader) : VersionVector()
        let count = try reader.count()
        var records = RecordReader(reader)
        var places: [StatePath: Int] = [:]
        var entries: [Entry] = []
        for _ in 0..<count {
            let record = try records.read()
            guard record.seen.isEmpty else { throw StateViolation("a difference says what an operation has seen") }
            let place = places[record.path] ?? entries.count
            if place == entries.count {
                places[record.path] = place
                entries.append(Entry(path: record.path, siblings: [], removals: []))
            }
            if let value = record.value {
                entries[place].siblings.append(Sibling(dot: record.dot, stamp: record.stamp, value: value))
            } else {
                entries[place].removals.append(record.dot)
            }
        }
        for place in entries.indices where entries[place].siblings.count > 1 {
            entries[place].siblings.sort { ($0.stamp, $0.dot) < ($1.stamp, $1.dot) }
        }
        reader = records.reader
        var texts: [Text] = []
        if flags & DeltaFlags.texts != 0 {
            for _ in 0..<(try reader.count()) { texts.append(try Text(from: &reader)) }
        }
        self.init(isComplete: isComplete, entries: entries, texts: texts, vector: vector, floor: floor)
    }
}
