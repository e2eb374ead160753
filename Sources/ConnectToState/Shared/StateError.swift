/// Why a shared state has not done what it was asked to.
public struct StateError: Error, Sendable, CustomStringConvertible {
    /// The kind of error; compare with the constants. Later versions may add codes, so a `switch` needs a default.
    public struct Code: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
        public let rawValue: String

        public init(rawValue: String) { self.rawValue = rawValue }

        public var description: String { rawValue }

        /// A value cannot be written as JSON.
        public static let notEncodable = Code(rawValue: "not-encodable")
        /// A value is there, and is not of the type that was asked for.
        public static let notDecodable = Code(rawValue: "not-decodable")
        /// A write would pass one of the ``StateLimits``. Nothing was written.
        public static let limitExceeded = Code(rawValue: "limit-exceeded")
        /// There is a line to a peer of this name already.
        public static let peerTaken = Code(rawValue: "peer-taken")
        /// There is no line to a peer of this name.
        public static let unknownPeer = Code(rawValue: "unknown-peer")
        /// The line ended; ``StateError/cause`` has the reason where there is one.
        public static let lineEnded = Code(rawValue: "line-ended")
        /// The state is shared under a name already.
        public static let alreadyShared = Code(rawValue: "already-shared")
        /// The name could not be registered, or who owns it could not be reached; ``StateError/cause`` is the error of
        /// the bus or of the port.
        public static let notShared = Code(rawValue: "not-shared")
        /// It took too long.
        public static let timedOut = Code(rawValue: "timed-out")
        /// The waiting task was cancelled.
        public static let cancelled = Code(rawValue: "cancelled")
        /// A file cannot be loaded, and was left as it is.
        public static let fileNotUsable = Code(rawValue: "file-not-usable")
        /// Another process, or another state of this one, has the file.
        public static let fileInUse = Code(rawValue: "file-in-use")
        /// The file could not be written. It is as it was.
        public static let notSaved = Code(rawValue: "not-saved")
        /// The state was closed.
        public static let closed = Code(rawValue: "closed")
    }

    public let code: Code
    /// A sentence for people: what happened, and what to do next.
    public let message: String
    /// The error that this one comes of.
    public let cause: (any Error)?

    /// Makes an error, for tests of code that handles errors.
    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    public var description: String { message }
}

extension StateError.Code {
    /// Lets a code stand in a `catch` clause.
    public static func ~= (code: StateError.Code, error: any Error) -> Bool {
        (error as? StateError)?.code == code
    }
}

extension StateError {
    /// A write of the program itself passes a limit.
    init(_ violation: StateViolation) {
        self.init(
            .limitExceeded,
            "nothing was written: \(violation.message); write less, or give every replica greater StateLimits",
            cause: violation)
    }

    static var closed: StateError {
        StateError(.closed, "the shared state was closed; make a new one")
    }
}
