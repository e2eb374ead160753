/// CRC-32C (Castagnoli): the checksum of iSCSI (RFC 3720, section 12.1) and of the journals of file systems. It finds
/// every error of up to 32 bits in a row.
enum Checksum {
    /// For each byte, and each of eight places that it may have in a group: what it does to the checksum.
    private static let table: [UInt32] = {
        let polynomial: UInt32 = 0x82f6_3b78
        var table = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var rest = UInt32(byte)
            for _ in 0..<8 { rest = rest & 1 == 0 ? rest >> 1 : rest >> 1 ^ polynomial }
            table[byte] = rest
        }
        for index in 256..<table.count {
            let before = table[index - 256]
            table[index] = before >> 8 ^ table[Int(before & 0xff)]
        }
        return table
    }()

    static func of(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        bytes.withUnsafeBytes { bytes in table.withUnsafeBufferPointer { of(bytes, $0) } }
    }

    static func of(_ bytes: [UInt8]) -> UInt32 { of(bytes[...]) }

    private static func of(_ bytes: UnsafeRawBufferPointer, _ table: UnsafeBufferPointer<UInt32>) -> UInt32 {
        var sum = UInt32.max
        var offset = 0
        // Eight bytes at a time: their eight look-ups do not wait for each other.
        while offset + 8 <= bytes.count {
            let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) ^ UInt64(sum)
            sum = 0
            for place in 0..<8 {
                sum ^= table[(7 - place) << 8 | Int(truncatingIfNeeded: word >> (8 * UInt64(place)) & 0xff)]
            }
            offset += 8
        }
        while offset < bytes.count {
            sum = sum >> 8 ^ table[Int(truncatingIfNeeded: (sum ^ UInt32(bytes[offset])) & 0xff)]
            offset += 1
        }
        return ~sum
    }
}
