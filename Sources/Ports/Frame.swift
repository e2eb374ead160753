/// What a frame carries: the second field of its header.
enum FrameKind: UInt8, Sendable {
    case bytes = 1
    case text = 2
    case json = 3
    /// The sender posts no more. Empty.
    case finish = 16
    /// The sender is done with the line. Carries how many messages its program has taken.
    case close = 17

    var isMessage: Bool { rawValue <= FrameKind.json.rawValue }
}

/// The fixed head of every frame, eight bytes, little-endian (`dbus/PROTOCOL.md`, "Frames").
struct FrameHeader: Equatable, Sendable {
    static let size = 8
    static let closePayloadSize = 8

    /// Of the payload, in bytes.
    var length: Int
    var kind: FrameKind

    init(_ kind: FrameKind, length: Int) {
        self.kind = kind
        self.length = length
    }

    /// The eight bytes in one number, ready to be stored little-endian.
    var encoded: UInt64 {
        (UInt64(UInt32(truncatingIfNeeded: length)) | UInt64(kind.rawValue) << 32).littleEndian
    }

    /// - Parameter bytes: at least ``size`` of them.
    init(decoding bytes: UnsafeRawBufferPointer, lengthLimit: Int) throws(ProtocolViolation) {
        let word = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        let length = Int(UInt32(truncatingIfNeeded: word))
        let rawKind = UInt8(truncatingIfNeeded: word >> 32)
        let flags = UInt8(truncatingIfNeeded: word >> 40)
        let descriptors = UInt16(truncatingIfNeeded: word >> 48)
        guard let kind = FrameKind(rawValue: rawKind) else {
            throw ProtocolViolation("a frame of unknown kind \(rawKind)")
        }
        guard flags == 0 else { throw ProtocolViolation("a frame with unknown flags \(flags)") }
        guard descriptors == 0 else {
            throw ProtocolViolation("a frame that declares \(descriptors) descriptors, which nobody offered")
        }
        guard length <= lengthLimit else {
            throw ProtocolViolation("a frame of \(length) bytes, over the limit of \(lengthLimit)")
        }
        switch kind {
        case .finish where length != 0:
            throw ProtocolViolation("a finish frame of \(length) bytes instead of none")
        case .close where length != Self.closePayloadSize:
            throw ProtocolViolation("a close frame of \(length) bytes instead of 8")
        default: break
        }
        self.kind = kind
        self.length = length
    }
}

/// A rule of the protocol that the peer broke.
struct ProtocolViolation: Error, Equatable {
    let rule: String

    init(_ rule: String) {
        self.rule = rule
    }
}
