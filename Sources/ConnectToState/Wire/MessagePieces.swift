/// Cuts messages between replicas into pieces that a line takes, so that a large difference is not one large message
/// there.
enum MessagePieces {
    /// The bytes of a piece, at most, without its first.
    static let size = 256 << 10

    /// - Returns: the pieces in order. The first byte of each says whether another one follows.
    static func cut(_ bytes: [UInt8], size: Int = size) -> [[UInt8]] {
        stride(from: 0, to: max(bytes.count, 1), by: size).map { start in
            let end = min(start + size, bytes.count)
            return [end < bytes.count ? 1 : 0] + bytes[start..<end]
        }
    }
}

/// Puts together what comes in pieces on one line.
struct MessageAssembly: Sendable {
    private let limits: StateLimits
    private var bytes: [UInt8] = []

    init(limits: StateLimits) {
        self.limits = limits
    }

    /// - Returns: the message, if this was the last piece of it.
    /// - Throws: ``StateViolation``: nothing that keeps the rules sends this piece.
    mutating func take(_ piece: some Collection<UInt8>) throws(StateViolation) -> Replication.Message? {
        guard let first = piece.first, first <= 1 else {
            throw StateViolation("a piece of a message does not say whether it is the last")
        }
        if bytes.count + piece.count - 1 > limits.messageBytes {
            throw limits.over("a message has more bytes", limits.messageBytes)
        }
        bytes += piece.dropFirst()
        if first == 1 { return nil }
        let message = try Replication.Message(decoding: bytes, limits: limits)
        bytes = []
        return message
    }
}
