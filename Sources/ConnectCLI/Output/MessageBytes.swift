import ConnectTo

/// The unchanged payload of a message or call, in pieces, between a beginning and an ending.
struct MessageBytes<Content: ReceivedContent>: IteratorProtocol, Sendable {
    private static var pieceSize: Int { 64 << 10 }

    private let message: Content
    private let beginning: [UInt8]
    private let ending: [UInt8]
    /// Nil after the last piece.
    private var position: Int? = 0

    init(_ message: Content, beginning: [UInt8] = [], ending: [UInt8] = []) {
        self.message = message
        self.beginning = beginning
        self.ending = ending
    }

    mutating func next() -> [UInt8]? {
        guard let position else { return nil }
        let end = min(position + Self.pieceSize, message.count)
        var piece = position == 0 ? beginning : []
        piece.reserveCapacity(piece.count + end - position + ending.count)
        message.withUnsafeBytes { piece.append(contentsOf: $0[position..<end]) }
        let isLast = end == message.count
        if isLast { piece += ending }
        self.position = isLast ? nil : end
        return piece
    }
}
