import ConnectTo

/// The content of one message.
enum MessageContent: Sendable, Equatable {
    case bytes([UInt8])
    case text(String)
    /// JSON that has been checked, and is passed on as it was written.
    case json(String)

    /// A text line without its newline: text if it is UTF-8, bytes otherwise.
    init(line: [UInt8]) {
        if let text = String(validating: line, as: UTF8.self) {
            self = .text(text)
        } else {
            self = .bytes(line)
        }
    }

    /// A text line that is JSON, passed on as it was written.
    /// - Throws: ``Failure`` 65 if the text line is not JSON.
    init(json line: [UInt8]) throws(Failure) {
        guard let text = String(validating: line, as: UTF8.self) else {
            throw Failure(.unsendable, "it is not UTF-8, as JSON must be; encode it, or leave out --as-json")
        }
        do throws(JSONScanner.Malformed) {
            try JSONScanner.check(line)
        } catch {
            throw Failure(
                .unsendable,
                "byte \(error.offset + 1) is not valid in JSON; write one value, text in quotation marks, or leave out --as-json"
            )
        }
        self = .json(text)
    }
}

extension MessageContent {
    /// The size in bytes.
    var count: Int {
        switch self {
        case .bytes(let bytes): bytes.count
        case .text(let text), .json(let text): text.utf8.count
        }
    }
}

extension MessageContent {
    /// The message to post.
    var message: OutgoingMessage {
        switch self {
        case .bytes(let bytes): .bytes(bytes)
        case .text(let text): .text(text)
        case .json(let text): .json(text)
        }
    }
}

extension MessageBatch {
    /// A batch of one message.
    init(_ content: MessageContent) {
        self.init()
        append(content)
    }

    mutating func append(_ content: MessageContent) {
        // Only a message that transfers something is refused, and these transfer nothing.
        try? append(content.message)
    }
}
