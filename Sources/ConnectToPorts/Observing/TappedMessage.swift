/// A copy of a message on one of a context's lines, as an observer receives it.
///
/// On the wire it is a head of 24 bytes, little-endian, and the payload's beginning (`dbus/PROTOCOL.md`, "Looking on").
public struct TappedMessage: Sendable, Hashable {
    /// Which way a message went: one of the constants. Later versions may add directions, so a `switch` needs a
    /// default.
    public struct Direction: Sendable, Hashable, CustomStringConvertible {
        /// To the listener.
        public static let received = Direction(byte: 1)
        /// From the listener.
        public static let sent = Direction(byte: 2)

        /// The byte that stands for the direction on the wire.
        let byte: UInt8

        /// The direction as it stands in JSON output and in logs.
        public var description: String { self == .received ? "received" : "sent" }
    }

    private static let headSize = 24
    private static let missedOffset = 16

    /// The number of the message's line, counted from 1 in the order in which the listener has admitted callers.
    public let line: Int
    /// Which way the message went.
    public let direction: Direction
    /// What the sender declared the payload to be.
    public let kind: Message.Kind
    /// How many ports, files and buffers were transferred with the message; the observer does not get them.
    public let transferredCount: Int
    /// The length of the whole payload in bytes.
    public let length: Int
    /// How many messages between the previous copy and this one are missing, because the observer took its copies too
    /// slowly.
    public let missedCount: Int
    /// The payload, up to its first 64 KiB.
    public let payload: [UInt8]

    /// Nil where the bytes are not a valid record.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count >= Self.headSize, let kind = FrameKind(rawValue: bytes[5]), kind.isMessage else { return nil }
        direction = Direction(byte: bytes[4])
        guard direction == .received || direction == .sent else { return nil }
        func number(_ range: Range<Int>) -> Int {
            Int(clamping: bytes[range].reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) })
        }
        line = number(0..<4)
        self.kind = Message.Kind(frame: kind)
        transferredCount = number(6..<8)
        length = number(8..<16)
        missedCount = number(16..<24)
        payload = Array(bytes[Self.headSize...])
    }

    static func encode(
        _ direction: Direction, line: UInt32, _ kind: FrameKind, _ payload: UnsafeRawBufferPointer, transferred: Int
    ) -> [UInt8] {
        var record: [UInt8] = []
        record.reserveCapacity(headSize + min(payload.count, Tap.copyLimit))
        withUnsafeBytes(of: line.littleEndian) { record.append(contentsOf: $0) }
        record += [direction.byte, kind.rawValue]
        withUnsafeBytes(of: UInt16(clamping: transferred).littleEndian) { record.append(contentsOf: $0) }
        withUnsafeBytes(of: UInt64(payload.count).littleEndian) { record.append(contentsOf: $0) }
        withUnsafeBytes(of: UInt64(0)) { record.append(contentsOf: $0) }
        record.append(contentsOf: payload.prefix(Tap.copyLimit))
        return record
    }

    static func note(missed: UInt64, in record: inout [UInt8]) {
        if missed == 0 { return }
        withUnsafeBytes(of: missed.littleEndian) {
            record.replaceSubrange(missedOffset..<headSize, with: $0)
        }
    }
}
