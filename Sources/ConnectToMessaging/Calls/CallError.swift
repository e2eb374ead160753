public import ConnectTo

/// Why a request has no answer.
///
/// ```swift
/// do {
///     status = try await dashboard.request(Dashboard.status, StatusQuery())
/// } catch CallError.Code.timedOut {
///     …
/// } catch { throw error }
/// ```
public struct CallError: Error, Sendable, CustomStringConvertible {
    /// What kind of error it is. Codes that the other program has made up itself are shown as they came.
    public struct Code: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
        public let rawValue: String

        public init(rawValue: String) { self.rawValue = rawValue }

        public var description: String { rawValue }

        // MARK: What the other program says

        /// The other program has no handler for this type of request.
        public static let unknownType = Code(rawValue: "unknown-type")
        /// The payload is not what the receiver expects; the message says where.
        public static let invalidPayload = Code(rawValue: "invalid-payload")
        /// The handler has thrown an error, which the message describes.
        public static let handlerFailed = Code(rawValue: "handler-failed")
        /// The handler has given its answer away, and it was dropped without having been given.
        public static let noAnswer = Code(rawValue: "no-answer")
        /// The handler answers with a stream: ask with `stream`.
        public static let manyAnswers = Code(rawValue: "many-answers")
        /// The other program does not let this one ask that.
        public static let refused = Code(rawValue: "refused")
        /// The hub on the other side does not have the peer that the request is for.
        public static let unknownPeer = Code(rawValue: "unknown-peer")

        // MARK: What this side says

        /// The time is over; ``CallError/stage`` says how far the request came.
        public static let timedOut = Code(rawValue: "deadline")
        /// The waiting task was cancelled.
        public static let cancelled = Code(rawValue: "cancelled")
        /// The line has ended; ``CallError/reason`` says why. It is nil where the line was another one, from the hub on
        /// to the peer that the request was for: then the message says why.
        public static let lineEnded = Code(rawValue: "line-ended")
        /// The payload cannot be encoded or sent.
        public static let notEncodable = Code(rawValue: "not-encodable")
        /// Another task releases the line (``Messenger/release(within:)``).
        public static let alreadyReleasing = Code(rawValue: "already-releasing")
        /// The line has an open lane, and is not released (``Messenger/urgent``).
        public static let laneOpen = Code(rawValue: "lane-open")
        /// Too much waits for the other program already (events only; a request waits).
        public static let queueFull = Code(rawValue: "queue-full")
    }

    /// How far a request came before it ended without an answer.
    public struct Stage: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
        public let rawValue: String

        public init(rawValue: String) { self.rawValue = rawValue }

        public var description: String { rawValue }

        /// It was never sent: the other program has as many requests under way as it takes.
        public static let waiting = Stage(rawValue: "waiting")
        /// It was sent, so the other program may have begun with it, or be done.
        public static let sent = Stage(rawValue: "sent")
    }

    public let code: Code
    /// A sentence for people.
    public let message: String
    /// What the other program has sent with its failure.
    public let details: Payload?
    /// How far the request came, if it was this side that gave up.
    public let stage: Stage?
    /// Why the line has ended, with ``Code/lineEnded``.
    public let reason: CloseReason?
    public let cause: (any Error)?

    public init(
        _ code: Code, _ message: String, details: Payload? = nil, stage: Stage? = nil, reason: CloseReason? = nil,
        cause: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.details = details
        self.stage = stage
        self.reason = reason
        self.cause = cause
    }

    public var description: String { "\(code): \(message)" }
}

extension CallError.Code {
    /// Lets a code stand in a `catch` clause.
    public static func ~= (code: CallError.Code, error: any Error) -> Bool {
        (error as? CallError)?.code == code
    }
}

/// An error that a handler throws and that arrives whole at the program that asked.
public struct CallFailure: Error, Sendable {
    /// For the other program; among programs of one project any word will do, otherwise one with a dot.
    public let code: CallError.Code
    /// A sentence for people.
    public let message: String
    /// Anything more, in whatever form the two programs have agreed on.
    public let details: OutgoingMessage?

    public init(_ code: CallError.Code, _ message: String, details: OutgoingMessage? = nil) {
        self.code = code
        self.message = message
        self.details = details
    }
}
