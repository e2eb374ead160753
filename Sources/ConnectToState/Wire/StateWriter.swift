/// Writes the parts that messages and files are made of (dbus/STATE.md).
///
/// Ids of replicas and keys are written out once; where they come again their number in a table stands, which writer
/// and reader build alike: whatever is written out gets the next number.
struct StateWriter {
    private(set) var bytes: [UInt8] = []
    private var replicas: [ReplicaID: UInt64] = [:]
    private var keys: [StateKey: UInt64] = [:]
    /// The bytes of the key that was written out last.
    private var lastKey: [UInt8] = []

    mutating func byte(_ byte: UInt8) {
        bytes.append(byte)
    }

    /// The least significant byte first.
    mutating func fixed(_ number: UInt64, bytes count: Int = 8) {
        for index in 0..<count { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * index))) }
    }

    /// Seven bits in each byte, the lowest first; the top bit says that another byte follows (LEB128).
    mutating func varint(_ number: UInt64) {
        var rest = number
        while rest > 0x7f {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    /// Small numbers short, whatever their sign: 0, −1, 1, −2 … are 0, 1, 2, 3 …
    mutating func zigzag(_ number: Int64) {
        varint(UInt64(bitPattern: (number << 1) ^ (number >> 63)))
    }

    /// The length, and the bytes.
    mutating func lengthAndBytes(_ bytes: some Collection<UInt8>) {
        varint(UInt64(bytes.count))
        self.bytes += bytes
    }

    /// The length in bytes, and UTF-8.
    mutating func string(_ string: String) {
        lengthAndBytes(string.utf8)
    }

    /// The bytes as they are.
    mutating func append(_ bytes: some Sequence<UInt8>) {
        self.bytes += bytes
    }

    mutating func replica(_ replica: ReplicaID) {
        if let number = replicas[replica] { return varint(number) }
        varint(UInt64(replicas.count))
        replicas[replica] = UInt64(replicas.count)
        fixed(UInt64(truncatingIfNeeded: replica.number >> 64).byteSwapped)
        fixed(UInt64(truncatingIfNeeded: replica.number).byteSwapped)
    }

    /// - Returns: the number of the key.
    @discardableResult
    mutating func key(_ key: StateKey) -> UInt64 {
        let number = self.number(of: key)
        varint(number)
        finishKey(key, number)
        return number
    }

    /// The number of a key in the table, or the one that it would get.
    func number(of key: StateKey) -> UInt64 {
        keys[key] ?? UInt64(keys.count)
    }

    /// Writes what follows the number of a key: nothing if it is in the table. If not: how many bytes it begins with
    /// that the last new one has too, how many more it has, and these. The two counts share a byte, each up to 14; 15
    /// stands for more, and what is above 15 follows.
    mutating func finishKey(_ key: StateKey, _ number: UInt64) {
        guard number == keys.count else { return }
        keys[key] = number
        let new = Array(key.string.utf8)
        let shared = zip(new, lastKey).prefix { $0 == $1 }.count
        let counts = [shared, new.count - shared]
        byte(UInt8(min(counts[0], 15) << 4 | min(counts[1], 15)))
        for count in counts where count >= 15 { varint(UInt64(count - 15)) }
        append(new[shared...])
        lastKey = new
    }
}
