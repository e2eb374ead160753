/// A number of 64 bits for something, which is the same in every replica and another one for nearly everything else
/// (dbus/STATE.md). It finds what differs by mistake; it does not stop anybody who wants two things to have the same.
struct Fingerprint {
    private(set) var value: UInt64 = 0x243f_6a88_85a3_08d3

    mutating func add(_ word: UInt64) {
        let mixed = (value ^ word) &* 0x9e37_79b9_7f4a_7c15
        value = mixed ^ (mixed >> 32)
    }

    mutating func add(_ dot: Dot) {
        add(UInt64(truncatingIfNeeded: dot.replica.number >> 64))
        add(UInt64(truncatingIfNeeded: dot.replica.number))
        add(dot.counter)
    }

    /// The count, and the bytes eight by eight, the least significant one first, with zeros at the end.
    mutating func add(_ bytes: some Sequence<UInt8>, count: Int) {
        add(UInt64(count))
        var word: UInt64 = 0
        var shift: UInt64 = 0
        for byte in bytes {
            word |= UInt64(byte) << shift
            shift += 8
            if shift == 64 {
                add(word)
                (word, shift) = (0, 0)
            }
        }
        if shift > 0 { add(word) }
    }
}

extension Dot {
    var fingerprint: UInt64 {
        var fingerprint = Fingerprint()
        fingerprint.add(self)
        return fingerprint.value
    }
}

extension Sibling {
    func fingerprint(at path: StatePath) -> UInt64 {
        var fingerprint = Fingerprint()
        fingerprint.add(dot)
        fingerprint.add(stamp.clock)
        fingerprint.add(UInt64(path.steps.count))
        for step in path.steps { fingerprint.add(step.string.utf8, count: step.string.utf8.count) }
        var writer = StateWriter()
        value.write(to: &writer)
        fingerprint.add(writer.bytes, count: writer.bytes.count)
        return fingerprint.value
    }
}
