/// How a file begins: what it is, and in which version (dbus/STATE.md, appendix).
enum FileHeader {
    static let version: UInt16 = 1
    /// The first byte is in no text, and the line ends show a transfer that has changed them, as in PNG.
    private static let magic: [UInt8] = [0x89] + Array("CTS\r\n".utf8) + [0x1a, 0x0a]
    static let count = 16

    static let bytes = bytes(version: version)

    static func bytes(version: UInt16) -> [UInt8] {
        var writer = StateWriter()
        writer.append(magic)
        writer.fixed(UInt64(version), bytes: 4)
        writer.fixed(UInt64(Checksum.of(writer.bytes)), bytes: 4)
        return writer.bytes
    }

    enum Finding: Equatable {
        case good
        /// It is the file of a state, and something in its first bytes has changed.
        case damaged
        case otherVersion(UInt64)
        /// It is something else.
        case foreign
    }

    static func look(at bytes: [UInt8]) -> Finding {
        if bytes.count >= count, Checksum.of(bytes[..<12]) == UInt32(number(in: bytes, at: 12)) {
            if !bytes.starts(with: magic) { return .foreign }
            let version = number(in: bytes, at: 8)
            return version == UInt64(Self.version) ? .good : .otherVersion(version)
        }
        if bytes.starts(with: magic) || magic.starts(with: bytes) { return .damaged }
        if case .whole = FileRecord.read(from: bytes, at: count) { return .damaged }
        return .foreign
    }

    fileprivate static func number(in bytes: [UInt8], at offset: Int) -> UInt64 {
        bytes[offset..<offset + 4].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}

/// One record of a file: how long it is, its kind, and checksums of its content and of these. So a length that has
/// changed is not taken for a record that is cut off.
struct FileRecord: Equatable {
    enum Kind: UInt8 {
        /// Everything: the first record, and no other.
        case snapshot = 1
        /// What came after it.
        case message = 2
    }

    static let headerCount = 13

    let kind: UInt8
    /// Where its message is in the file.
    let body: Range<Int>

    enum Finding: Equatable {
        case whole(FileRecord)
        /// The file ends within the record.
        case cut
        case damaged
    }

    static func read(from bytes: [UInt8], at start: Int) -> Finding {
        guard bytes.count - start >= headerCount else { return .cut }
        let length = Int(FileHeader.number(in: bytes, at: start))
        guard Checksum.of(bytes[start..<start + 9]) == UInt32(FileHeader.number(in: bytes, at: start + 9)) else {
            return .damaged
        }
        let first = start + headerCount
        guard bytes.count - first >= length else { return .cut }
        let body = first..<first + length
        guard Checksum.of(bytes[body]) == UInt32(FileHeader.number(in: bytes, at: start + 5)) else { return .damaged }
        return .whole(FileRecord(kind: bytes[start + 4], body: body))
    }

    static func bytes(_ kind: Kind, _ message: Replication.Message) -> [UInt8] {
        let body = message.encoded()
        var writer = StateWriter()
        writer.fixed(UInt64(body.count), bytes: 4)
        writer.byte(kind.rawValue)
        writer.fixed(UInt64(Checksum.of(body)), bytes: 4)
        writer.fixed(UInt64(Checksum.of(writer.bytes)), bytes: 4)
        return writer.bytes + body
    }
}
