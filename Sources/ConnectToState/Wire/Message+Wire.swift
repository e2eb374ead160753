extension Replication.Message {
    private enum Kind: UInt8 {
        case hello = 1
        case delta = 3
        case operations = 4
        case edits = 8
    }

    /// The message as bytes (dbus/STATE.md).
    func encoded() -> [UInt8] {
        var writer = StateWriter()
        switch self {
        case .hello(let vector):
            writer.byte(Kind.hello.rawValue)
            vector.write(to: &writer)
        case .delta(let delta):
            writer.byte(Kind.delta.rawValue)
            delta.write(to: &writer)
        case .operations(let operations):
            writer.byte(Kind.operations.rawValue)
            writer.varint(UInt64(operations.count))
            var records = RecordWriter(writer)
            for operation in operations { records.write(operation) }
            writer = records.writer
        case .edits(let operations):
            writer.byte(Kind.edits.rawValue)
            operations.write(to: &writer)
        }
        return writer.bytes
    }

    /// - Throws: ``StateViolation``: nothing that keeps the rules sends these bytes.
    init(decoding bytes: some Sequence<UInt8>, limits: StateLimits = StateLimits()) throws(StateViolation) {
        var reader = StateReader(bytes)
        let first = try reader.byte()
        guard let kind = Kind(rawValue: first) else {
            throw StateViolation("a message is of kind \(first), which there is not")
        }
        switch kind {
        case .hello: self = .hello(try VersionVector(from: &reader))
        case .delta: self = .delta(try Delta(from: &reader, limits: limits))
        case .operations:
            let count = try reader.count()
            var records = RecordReader(reader, budget: limits.documentBytes)
            var operations: [Operation] = []
            for _ in 0..<count { operations.append(try records.read()) }
            reader = records.reader
            self = .operations(operations)
        case .edits: self = .edits(try [TextOperation](from: &reader))
        }
        guard reader.isAtEnd else { throw StateViolation("a message goes on behind its end") }
    }
}
