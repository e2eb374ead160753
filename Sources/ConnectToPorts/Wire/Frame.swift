/// What a frame carries, as the second field of its header says.
enum FrameKind: UInt8, Sendable {
    case bytes = 1
    case text = 2
    case json = 3
    /// The sender posts no more. The payload is empty.
    case finish = 16
    /// The sender has closed its end. The payload says how many messages its program has taken.
    case close = 17

    var isMessage: Bool { rawValue <= FrameKind.json.rawValue }
}

/// The fixed head of every frame, eight bytes, little-endian (`dbus/PROTOCOL.md`, "Frames").
struct FrameHeader: Equatable, Sendable {
    static let size = 8
    static let closePayloadSize = 8

    /// The most descriptors that one frame can carry: the most that one system call takes.
    static let descriptorLimit = 253
    /// The payload begins with a table of the transferred things.
    private static let transferFlag: UInt8 = 1

    /// The payload's length in bytes.
    var length: Int
    var kind: FrameKind
    /// How many descriptors ride on the frame's first byte, if the payload begins with a ``TransferTable``, which
    /// describes them; otherwise nil.
    var descriptors: Int?

    init(_ kind: FrameKind, length: Int, descriptors: Int? = nil) {
        self.kind = kind
        self.length = length
        self.descriptors = descriptors
    }

    /// The eight bytes as one number, ready to be stored: the value is little-endian in memory.
    var encoded: UInt64 {
        let flags = descriptors == nil ? 0 : Self.transferFlag
        return
            (UInt64(UInt32(truncatingIfNeeded: length)) | UInt64(kind.rawValue) << 32 | UInt64(flags) << 40
            | UInt64(UInt16(truncatingIfNeeded: descriptors ?? 0)) << 48).littleEndian
    }

    /// Reads the header of a plain message that has been checked before.
    @inline(__always)
    init(checked bytes: UnsafeRawPointer) {
        let word = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        length = Int(UInt32(truncatingIfNeeded: word))
        kind =
            switch UInt8(truncatingIfNeeded: word >> 32) {
            case FrameKind.text.rawValue: .text
            case FrameKind.json.rawValue: .json
            default: .bytes
            }
        descriptors = nil
    }

    /// The payload length of a message that transfers nothing; nil for every other frame.
    @inline(__always)
    static func plainMessageLength(_ word: UInt64) -> Int? {
        // Messages have the lowest kinds, and without flags and descriptors all bits above the kind are zero.
        let kind = word >> 32
        return kind >= UInt64(FrameKind.bytes.rawValue) && kind <= UInt64(FrameKind.json.rawValue)
            ? Int(UInt32(truncatingIfNeeded: word)) : nil
    }

    /// - Parameter bytes: at least ``size`` of them.
    init(decoding bytes: UnsafeRawBufferPointer, lengthLimit: Int) throws(ProtocolViolation) {
        let word = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        let length = Int(UInt32(truncatingIfNeeded: word))
        let rawKind = UInt8(truncatingIfNeeded: word >> 32)
        let flags = UInt8(truncatingIfNeeded: word >> 40)
        let descriptors = UInt16(truncatingIfNeeded: word >> 48)
        guard let kind = FrameKind(rawValue: rawKind) else {
            throw ProtocolViolation("it sent a frame of the unknown kind \(rawKind)")
        }
        guard flags & ~Self.transferFlag == 0 else {
            throw ProtocolViolation("it sent a frame with unknown flags (\(flags))")
        }
        guard descriptors <= Self.descriptorLimit else {
            throw ProtocolViolation(
                "it sent a frame that declares \(descriptors) descriptors; the limit is \(Self.descriptorLimit)")
        }
        let hasTable = flags & Self.transferFlag != 0
        guard hasTable || descriptors == 0 else {
            throw ProtocolViolation("it sent a frame with descriptors and without a table that describes them")
        }
        guard !hasTable || kind.isMessage else {
            throw ProtocolViolation("it sent a transfer table with a frame that is not a message")
        }
        guard length <= lengthLimit else {
            throw ProtocolViolation("it sent a frame of \(length) bytes; the limit is \(lengthLimit)")
        }
        switch kind {
        case .finish where length != 0:
            throw ProtocolViolation("it sent a finish frame of \(length) bytes; a finish frame has none")
        case .close where length != Self.closePayloadSize:
            throw ProtocolViolation("it sent a close frame of \(length) bytes; a close frame has 8")
        default: break
        }
        self.kind = kind
        self.length = length
        self.descriptors = hasTable ? Int(descriptors) : nil
    }
}

/// A peer broke a rule of the protocol.
struct ProtocolViolation: Error, Equatable {
    /// What the peer did wrong: a clause for an error message, in which "it" is the peer.
    let fault: String

    init(_ fault: String) {
        self.fault = fault
    }
}
