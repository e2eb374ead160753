import Glibc

/// The fuzzer's input, taken from the front; endless zeros behind it.
struct ByteSource {
    private var rest: UnsafeBufferPointer<UInt8>

    init(_ bytes: UnsafePointer<UInt8>?, _ count: Int) {
        rest = UnsafeBufferPointer(start: bytes, count: count)
    }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func byte() -> UInt8 {
        guard let first = rest.first else { return 0 }
        rest = UnsafeBufferPointer(rebasing: rest.dropFirst())
        return first
    }

    mutating func bytes(_ count: Int) -> UnsafeRawBufferPointer {
        defer { rest = UnsafeBufferPointer(rebasing: rest.dropFirst(count)) }
        return UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: rest.prefix(count)))
    }

    mutating func string() -> String {
        String(decoding: bytes(Int(byte()) & 31), as: UTF8.self)
    }

    mutating func all() -> UnsafeRawBufferPointer { bytes(rest.count) }
}

/// What must hold does not.
func expect(_ holds: Bool, _ what: @autoclosure () -> String) {
    if !holds { fatalError(what()) }
}

private let isPlanted = getenv("FUZZ_PLANT") != nil

/// A bug put there on purpose, where the environment asks for it: a target that does not find it in a short
/// time would not find others.
///
/// No seed has it. Where it stands, a byte of what came through all checks has to be changed.
func planted(_ isHit: @autoclosure () -> Bool) {
    if isPlanted, isHit() { fatalError("the planted bug") }
}

func hasOddByte(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.contains { (0x80..<0xFF).contains($0) }
}
