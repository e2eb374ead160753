import ConnectTo

/// What one message carries.
enum Payload: Sendable, Equatable {
    case bytes([UInt8])
    case text(String)
    /// JSON that has been checked, passed on as it was written.
    case json(String)

    /// A line without its newline: text if it is UTF-8, or else bytes.
    init(line: [UInt8]) {
        if let text = String(validating: line, as: UTF8.self) {
            self = .text(text)
        } else {
            self = .bytes(line)
        }
    }

    /// A line that is JSON, passed on as it was written.
    /// - Throws: ``Failure`` 65 for one that is none.
    init(json line: [UInt8]) throws(Failure) {
        guard let text = String(validating: line, as: UTF8.self) else {
            throw Failure(.unsendable, "it is not UTF-8, as JSON has to be; encode it, or send it without --as-json")
        }
        do throws(JSONScanner.Malformed) {
            try JSONScanner.check(line)
        } catch {
            throw Failure(
                .unsendable,
                "byte \(error.offset + 1) is not as in JSON; write one value, text in quotation marks, or send it without --as-json"
            )
        }
        self = .json(text)
    }
}

extension Payload {
    /// In bytes.
    var count: Int {
        switch self {
        case .bytes(let bytes): bytes.count
        case .text(let text), .json(let text): text.utf8.count
        }
    }
}

extension Payload {
    /// What is posted for it.
    var message: OutgoingMessage {
        switch self {
        case .bytes(let bytes): .bytes(bytes)
        case .text(let text): .text(text)
        case .json(let text): .json(text)
        }
    }
}

extension MessageBatch {
    /// One message.
    init(_ payload: Payload) {
        self.init()
        append(payload)
    }

    mutating func append(_ payload: Payload) {
        // Refused is only what transfers something.
        try? append(payload.message)
    }
}

extension Messages.AsyncIterator {
    /// The next message, or `nil` at the end, whatever that was: it stands in the port's close reason.
    mutating func nextUnlessEnded() async -> Message? {
        do { return try await next(isolation: nil) } catch { return nil }
    }
}

extension MessagePort {
    /// Waits until the port is over, and returns why; or, in a task that is cancelled, that this is so.
    @discardableResult
    func end() async -> CloseReason {
        do throws(PortError) {
            return try await waitUntilClosed()
        } catch {
            return CloseReason(.cancelled, detail: error.message)
        }
    }
}
