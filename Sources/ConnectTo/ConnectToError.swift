/// What can go wrong with a bus, a registration or the directory.
///
/// The end of a port is not such an error: see ``CloseReason``.
public struct ConnectToError: Error, Sendable, CustomStringConvertible {
    /// The kind of error; compare with the constants. New ones may come, so a `switch` needs a default.
    ///
    /// A `catch` clause needs no cast for it: `catch ConnectToError.Code.nameTaken { … }`. Write a last
    /// `catch { throw error }` behind it: without one Swift 6.3.1's compiler may crash, see ``PortError/Code-swift.struct``.
    public struct Code: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
        /// The code as it stands in logs.
        public let rawValue: String

        /// A code from a log, to compare with.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// Whether an error is a ``ConnectToError`` of this code.
        public static func ~= (code: Code, error: any Error) -> Bool {
            (error as? ConnectToError)?.code == code
        }

        /// No bus listens at the address, or what listens there does not answer as a bus within five seconds.
        public static let busUnreachable = Code(rawValue: "bus-unreachable")
        /// A bus listens at the address and refuses this process's user, as the bus of a host does where a container
        /// gives the user another number. The message says what to do.
        public static let userRefused = Code(rawValue: "user-refused")
        /// This process has opened the bus already, with other limits than were asked for.
        public static let otherLimits = Code(rawValue: "other-limits")
        /// The connection to the bus ended.
        public static let busLost = Code(rawValue: "bus-lost")
        /// Another process owns the name; ``ConnectToError/owner`` says which.
        public static let nameTaken = Code(rawValue: "name-taken")
        /// A name or an origin that is not valid.
        public static let invalidName = Code(rawValue: "invalid-name")
        /// Metadata that cannot be carried: over 64 KiB or 1,024 keys, or with a NUL in it.
        public static let invalidMetadata = Code(rawValue: "invalid-metadata")
        /// A registration with a limit of fewer than one caller.
        public static let invalidLimit = Code(rawValue: "invalid-limit")
        /// The context's lines have another format: connect events are for messages and ``Context/streams`` for
        /// streams. A format other than these two is not served by this version.
        public static let otherFormat = Code(rawValue: "other-format")
        /// The bus's policy, or the owner of the name, does not allow the operation.
        public static let denied = Code(rawValue: "denied")
        /// The owner of the name has too much to do just now; try again later.
        public static let busy = Code(rawValue: "busy")
        /// The bus gives this connection no more names or match rules.
        public static let limitsExceeded = Code(rawValue: "limits-exceeded")
        /// The context has ended; ``Context/endReason`` says why.
        public static let contextEnded = Code(rawValue: "context-ended")
        /// Another task takes a sequence that only one task can take.
        public static let alreadyTaken = Code(rawValue: "already-taken")
        /// The bus did not answer in time.
        public static let timedOut = Code(rawValue: "timed-out")
        /// A subscriber read so slowly that changes had to be dropped; read the directory anew.
        public static let changesLost = Code(rawValue: "changes-lost")
        /// The waiting task was cancelled.
        public static let cancelled = Code(rawValue: "cancelled")
        /// The process has no descriptors or threads left for the operation.
        public static let outOfResources = Code(rawValue: "out-of-resources")
        /// The bus answered with an error that has no code of its own here; the message has it verbatim.
        public static let busError = Code(rawValue: "bus-error")

        public var description: String { rawValue }
    }

    /// The kind of error.
    public let code: Code
    /// What happened, to what, and what to do next.
    public let message: String
    /// The peer that owns the name: with ``Code/nameTaken``, where the bus told it.
    public let owner: Peer?
    /// The error underneath, where there is one.
    public let cause: (any Error)?

    /// For tests of code that handles errors.
    public init(_ code: Code, _ message: String, owner: Peer? = nil, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.owner = owner
        self.cause = cause
    }

    public var description: String { message }
}
