extension Replication.Message {
    private enum Kind: UInt8 {
        case hello = 1
        case vector = 2
        case delta = 3
        case operations = 4
        case audit = 5
        case edits = 8
    }

    /// The version of dbus/STATE.md that this is written in.
    private static let version: UInt8 = 1

    /// The message as bytes (dbus/STATE.md).
    func encoded() -> [UInt8] {
        var writer = StateWriter()
        switch self {
        case .hello(let hello):
            writer.byte(Kind.hello.rawValue)
            writer.byte(Self.version)
            writer.byte(hello.begins ? 1 : 0)
            writer.replica(hello.replica)
            writer.fixed(hello.vector)
        case .vector(let vector):
            writer.byte(Kind.vector.rawValue)
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
        case .audit(let audit):
            writer.byte(Kind.audit.rawValue)
            writer.byte(audit.wantsAnswer ? 1 : 0)
            writer.fixed(audit.vector)
            writer.fixed(audit.values)
        case .edits(let operations):
            writer.byte(Kind.edits.rawValue)
            operations.write(to: &writer)
        }
        return writer.bytes
    }

    /// - Throws: ``StateViolation``: nothing that keeps the rules sends these bytes.
    init(decoding bytes: some Sequence<UInt8>, limits: StateLimits = StateLimits()) throws(StateViolation) {
        var reader = StateReader(bytes, limits: limits)
        let first = try reader.byte()
        guard let kind = Kind(rawValue: first) else {
            throw StateViolation("a message is of kind \(first), which there is not")
        }
        switch kind {
        case .hello:
            guard try reader.byte() > 0 else { throw StateViolation("a hello has version 0") }
            let begins = try reader.flag()
            self = .hello(.init(replica: try reader.replica(), vector: try reader.fixed(), begins: begins))
        case .vector: self = .vector(try VersionVector(from: &reader))
        case .delta: self = .delta(try Delta(from: &reader))
        case .operations:
            let count = try reader.count()
            try limits.check(operations: count)
            var records = RecordReader(reader)
            var operations: [Operation] = []
            for _ in 0..<count { operations.append(try records.read()) }
            reader = records.reader
            self = .operations(operations)
        case .audit:
            let wantsAnswer = try reader.flag()
            self = .audit(
                .init(vector: try reader.fixed(), values: try reader.fixed(), wantsAnswer: wantsAnswer))
        case .edits: self = .edits(try [TextOperation](from: &reader))
        }
        guard reader.isAtEnd else { throw StateViolation("a message goes on behind its end") }
    }
}
