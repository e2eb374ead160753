import ConnectTo

/// As what the payload of a request, event or answer is sent.
enum PayloadForm: Sendable {
    /// As text; as bytes where it is not UTF-8. It is a text line: a newline at its end does not belong to it.
    case text
    /// As JSON, after a check (`--as-json`).
    case json
    /// Byte for byte (`--bytes`).
    case bytes

    /// The most bytes of a payload: a message of 64 MiB has the envelope of the call in it too.
    static let limit = TextLineSplitter.defaultLimit - 1024

    init(asJSON: Bool, bytes: Bool) {
        self = asJSON ? .json : bytes ? .bytes : .text
    }

    /// - Throws: ``Failure`` 65, which says what is wrong and what to write instead, but not with which payload.
    func content(_ bytes: [UInt8]) throws(Failure) -> MessageContent {
        switch self {
        case .text: MessageContent(line: bytes.last == 0x0A ? bytes.dropLast() : bytes)
        case .json: try MessageContent(json: bytes.last == 0x0A ? bytes.dropLast() : bytes)
        case .bytes: .bytes(bytes)
        }
    }
}
