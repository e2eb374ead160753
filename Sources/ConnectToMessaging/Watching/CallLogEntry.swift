import Logging

/// What a log will say of one request, on one of its two sides: made when the request begins, written when it ends.
///
/// Payloads and the texts of failures are left out: a log often has more readers than a line has.
final class CallLogEntry: Sendable {
    /// Which way the request went, in the words of `connect tap`.
    enum Direction: String {
        /// This program asked.
        case sent
        /// The other program asked.
        case received
    }

    private let logger: Logger
    private let direction: Direction
    private let type: String
    private let wantsMany: Bool
    private let peerID: String?
    private let beginning = SuspendingClock.now

    /// Begins an entry; nil, and nothing is made, where no one would read it.
    ///
    /// A function and not an initializer that may fail, which would allocate the object first.
    static func begin(_ direction: Direction, type: String, wantsMany: Bool, on line: CallLine) -> CallLogEntry? {
        guard let logger = line.options.logger, logger.logLevel <= .debug else { return nil }
        return CallLogEntry(logger, direction, type: type, wantsMany: wantsMany, peerID: line.peerID)
    }

    private init(_ logger: Logger, _ direction: Direction, type: String, wantsMany: Bool, peerID: String?) {
        self.logger = logger
        self.direction = direction
        self.type = type
        self.wantsMany = wantsMany
        self.peerID = peerID
    }

    /// Writes the entry.
    ///
    /// - Parameters:
    ///   - id: the request's; nil where it was never sent.
    ///   - outcome: `result`, or the code of the failure or error.
    func write(id: UInt64?, outcome: String) {
        let duration = Int(beginning.duration(to: .now) / .microseconds(1))
        var metadata: Logger.Metadata = [
            "direction": "\(direction)", "duration": "\(duration) µs", "outcome": "\(outcome)",
        ]
        // A barrier has no type.
        if !type.isEmpty { metadata["type"] = "\(type)" }
        if let id { metadata["id"] = "\(id)" }
        if let peerID { metadata["peer"] = "\(peerID)" }
        logger.debug(type.isEmpty ? "barrier" : wantsMany ? "stream" : "request", metadata: metadata)
    }
}

extension PendingCall.Progress {
    /// How a request has ended, in a word.
    var outcome: String {
        switch self {
        case .element, .result: "result"
        case .failed(let error): error.code.rawValue
        }
    }
}

extension PendingCall.Place {
    /// The id that the request was sent with.
    var id: UInt64? {
        if case .sent(let id) = self { id } else { nil }
    }
}
