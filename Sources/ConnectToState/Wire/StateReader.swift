/// Reads what a ``StateWriter`` has written. Bytes that nothing can have written are a violation; an announced length
/// or count allocates nothing until its bytes are there.
struct StateReader {
    let limits: StateLimits
    private let bytes: [UInt8]
    private(set) var offset = 0
    private var replicas: [ReplicaID] = []
    private var keys: [StateKey] = []
    private var lastKey: [UInt8] = []

    init(_ bytes: some Sequence<UInt8>, limits: StateLimits = StateLimits()) {
        self.bytes = Array(bytes)
        self.limits = limits
    }

    var remaining: Int { bytes.count - offset }
    var isAtEnd: Bool { offset == bytes.count }

    /// How many keys are known: the next new one gets this number.
    var keyCount: Int { keys.count }

    mutating func byte() throws(StateViolation) -> UInt8 {
        guard offset < bytes.count else { throw .cut }
        defer { offset += 1 }
        return bytes[offset]
    }

    /// 0 or 1.
    mutating func flag() throws(StateViolation) -> Bool {
        let byte = try byte()
        guard byte <= 1 else { throw StateViolation("a flag is neither 0 nor 1") }
        return byte == 1
    }

    mutating func fixed(bytes count: Int = 8) throws(StateViolation) -> UInt64 {
        var number: UInt64 = 0
        for index in 0..<count { number |= UInt64(try byte()) << (8 * index) }
        return number
    }

    mutating func varint() throws(StateViolation) -> UInt64 {
        var number: UInt64 = 0
        for shift in stride(from: 0, to: 64, by: 7) {
            let byte = try byte()
            if shift == 63, byte > 1 { break }
            number |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return number }
        }
        throw StateViolation("a number has more than 64 bits")
    }

    mutating func zigzag() throws(StateViolation) -> Int64 {
        let number = try varint()
        return Int64(bitPattern: number >> 1) ^ -Int64(bitPattern: number & 1)
    }

    /// How many things follow that have at least one byte each, so that there cannot be more of them than bytes.
    mutating func count() throws(StateViolation) -> Int {
        let count = try varint()
        guard count <= UInt64(remaining) else { throw .cut }
        return Int(count)
    }

    /// A length, and the bytes.
    mutating func lengthAndBytes() throws(StateViolation) -> ArraySlice<UInt8> {
        try raw(try count())
    }

    mutating func raw(_ count: Int) throws(StateViolation) -> ArraySlice<UInt8> {
        guard count <= remaining else { throw .cut }
        defer { offset += count }
        return bytes[offset..<offset + count]
    }

    mutating func string() throws(StateViolation) -> String {
        try Self.string(try lengthAndBytes())
    }

    mutating func string(bytes count: Int) throws(StateViolation) -> String {
        try Self.string(try raw(count))
    }

    private static func string(_ bytes: some Sequence<UInt8>) throws(StateViolation) -> String {
        guard let string = String(validating: bytes, as: UTF8.self) else {
            throw StateViolation("a text or a key is not UTF-8")
        }
        return string
    }

    mutating func replica() throws(StateViolation) -> ReplicaID {
        let number = try varint()
        if number < replicas.count { return replicas[Int(number)] }
        guard number == replicas.count else {
            throw StateViolation("a replica has a number that no id was written for")
        }
        var id: UInt128 = 0
        for byte in try raw(16) { id = id << 8 | UInt128(byte) }
        replicas.append(ReplicaID(id))
        return ReplicaID(id)
    }

    mutating func key() throws(StateViolation) -> (key: StateKey, number: UInt64) {
        let number = try varint()
        return (try finishKey(number), number)
    }

    /// The key with a number, which follows if it is a new one.
    mutating func finishKey(_ number: UInt64) throws(StateViolation) -> StateKey {
        if number < keys.count { return keys[Int(number)] }
        guard number == keys.count else { throw StateViolation("a key has a number that no key was written for") }
        let counts = try byte()
        let shared = try count(counts >> 4)
        let more = try count(counts & 15)
        guard shared <= lastKey.count else { throw StateViolation("a key shares more than the last one has") }
        let key = lastKey[..<shared] + (try raw(more))
        guard key.count <= limits.pathBytes else {
            throw limits.over("a key has \(key.count) bytes", limits.pathBytes)
        }
        lastKey = Array(key)
        keys.append(StateKey(try Self.string(key)))
        return keys[keys.count - 1]
    }

    /// Half a byte, and what it is more than 15.
    private mutating func count(_ half: UInt8) throws(StateViolation) -> Int {
        guard half == 15 else { return Int(half) }
        let more = try varint()
        guard more < UInt64(UInt32.max) else { throw .cut }
        return Int(more) + 15
    }
}

extension StateViolation {
    static var cut: StateViolation { StateViolation("a message ends in the middle") }
}
