/// Reads little-endian numbers and byte ranges from the front of bytes that a peer sent.
struct ByteReader {
    private var rest: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) {
        rest = bytes
    }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func next<Number: FixedWidthInteger>(_ type: Number.Type) throws(ProtocolViolation) -> Number {
        Number(littleEndian: try next(MemoryLayout<Number>.size).loadUnaligned(as: type))
    }

    mutating func next(_ count: Int) throws(ProtocolViolation) -> UnsafeRawBufferPointer {
        guard count <= rest.count else { throw ProtocolViolation("it sent a transfer table that ends too early") }
        defer { rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count)) }
        return UnsafeRawBufferPointer(rebasing: rest.prefix(count))
    }
}

/// Appends little-endian numbers and byte ranges to an array.
struct ByteWriter {
    var bytes: [UInt8] = []

    mutating func append<Number: FixedWidthInteger>(_ number: Number) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }
}
