/// A copy of a message, as it goes to observers: a head of 24 bytes, little-endian, and the payload's
/// beginning (`dbus/PROTOCOL.md`, "Looking on").
package struct TapRecord: Sendable, Equatable {
    private static let headSize = 24
    private static let droppedOffset = 16

    /// The line's number, from 1 in the order in which callers were admitted.
    package let line: UInt32
    package let direction: Tap.Direction
    package let kind: Message.Kind
    /// How many things were transferred with it.
    package let transferred: Int
    /// The whole payload's length in bytes.
    package let length: UInt64
    /// How many copies were dropped between the one before and this one.
    package let dropped: UInt64
    /// The payload, up to ``Tap/copyLimit``.
    package let payload: [UInt8]

    /// Nil for what is no record.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count >= Self.headSize, let direction = Tap.Direction(rawValue: bytes[4]),
            let kind = FrameKind(rawValue: bytes[5]), kind.isMessage
        else { return nil }
        func number(_ range: Range<Int>) -> UInt64 {
            bytes[range].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        line = UInt32(truncatingIfNeeded: number(0..<4))
        self.direction = direction
        self.kind = Message.Kind(frame: kind)
        transferred = Int(number(6..<8))
        length = number(8..<16)
        dropped = number(16..<24)
        payload = Array(bytes[Self.headSize...])
    }

    static func encode(
        _ direction: Tap.Direction, line: UInt32, _ kind: FrameKind, _ payload: UnsafeRawBufferPointer,
        transferred: Int
    ) -> [UInt8] {
        var record: [UInt8] = []
        record.reserveCapacity(headSize + min(payload.count, Tap.copyLimit))
        withUnsafeBytes(of: line.littleEndian) { record.append(contentsOf: $0) }
        record += [direction.rawValue, kind.rawValue]
        withUnsafeBytes(of: UInt16(clamping: transferred).littleEndian) { record.append(contentsOf: $0) }
        withUnsafeBytes(of: UInt64(payload.count).littleEndian) { record.append(contentsOf: $0) }
        withUnsafeBytes(of: UInt64(0)) { record.append(contentsOf: $0) }
        record.append(contentsOf: payload.prefix(Tap.copyLimit))
        return record
    }

    static func note(dropped: UInt64, in record: inout [UInt8]) {
        if dropped == 0 { return }
        withUnsafeBytes(of: dropped.littleEndian) {
            record.replaceSubrange(droppedOffset..<headSize, with: $0)
        }
    }
}
