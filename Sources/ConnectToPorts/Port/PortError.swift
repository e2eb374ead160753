package import ConnectToLinux

/// An error of a call on a port. How a port itself ends is a ``CloseReason``.
public struct PortError: Error, Sendable, CustomStringConvertible {
    /// The kind of error; compare with the constants. Later versions may add codes, so a `switch` needs a default.
    ///
    /// A `catch` clause can match a code without a cast:
    ///
    /// ```swift
    /// do {
    ///     try port.postMessage("news")
    /// } catch PortError.Code.queueFull {
    ///     skipped += 1
    /// } catch {
    ///     throw error
    /// }
    /// ```
    ///
    /// The last clause is there for a reason: Swift 6.3.1's compiler may crash (signal 11, in MandatoryAllocBoxToStack),
    /// or never end, where a `do` throws typed errors, as this library's calls do, and no clause catches all of them;
    /// within a loop it does. This happens with any pattern and with `catch where error.code == …`. A single clause for
    /// all errors works too: `catch { guard error.code == .queueFull else { throw error } … }`.
    public struct Code: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
        /// The code as it stands in logs.
        public let rawValue: String

        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// Whether an error is a ``PortError`` of this code.
        public static func ~= (code: Code, error: any Error) -> Bool {
            (error as? PortError)?.code == code
        }

        /// More bytes are queued than ``PortLimits/queuedOutput`` allows, or than the ports of a caller may hold
        /// together (`CallerLimits.heldBytes`). Wait with ``MessagePort/send(_:)`` or
        /// ``MessagePort/waitUntilWritable(within:)``, or slow down; close ports whose peers do not read.
        public static let queueFull = Code(rawValue: "queue-full")
        /// The message is longer than 64 MiB, the most that every peer must take, or than ``PortLimits/messageLength``.
        public static let messageTooLarge = Code(rawValue: "message-too-large")
        /// A value could not be turned into JSON, or has the same port, file or buffer twice.
        public static let notEncodable = Code(rawValue: "not-encodable")
        /// A message cannot be decoded as the requested type.
        public static let notDecodable = Code(rawValue: "not-decodable")
        /// This side has called `finish()`, and so cannot post any more.
        public static let finished = Code(rawValue: "finished")
        /// The port is over, and something that was posted on it has not reached the peer's process;
        /// ``PortError/reason`` says why.
        public static let undelivered = Code(rawValue: "undelivered")
        /// The port is over; ``PortError/reason`` says why.
        public static let closed = Code(rawValue: "closed")
        /// A thing to be transferred was closed or given away before.
        public static let detached = Code(rawValue: "detached")
        /// A thing cannot be transferred: it stands in the list twice, is the port that the message is posted on, is in
        /// use just now, or is not an open descriptor.
        public static let notTransferable = Code(rawValue: "not-transferable")
        /// A port that has not been admitted yet cannot be given away; await
        /// ``MessagePort/waitUntilOpen(within:)``.
        public static let notOpen = Code(rawValue: "not-open")
        /// The message would carry more descriptors than one message can: 253, those inside of transferred ports
        /// included.
        public static let tooManyDescriptors = Code(rawValue: "too-many-descriptors")
        /// The descriptor does not suit the call: one that was to become a port is not a connected AF_UNIX stream socket,
        /// or one that was to be watched cannot be.
        public static let invalidDescriptor = Code(rawValue: "invalid-descriptor")
        /// Messages, or parts of them, wait here, so the socket cannot be detached.
        public static let stillBuffered = Code(rawValue: "still-buffered")
        /// Another part of the program takes this port's messages; see ``Messages``.
        public static let alreadyTaken = Code(rawValue: "already-taken")
        /// The awaited event did not come within the time limit of the call; the port lives on.
        public static let timedOut = Code(rawValue: "timed-out")
        /// The task that waited was cancelled; the port lives on.
        public static let cancelled = Code(rawValue: "cancelled")
        /// The process has no descriptors, memory or threads left for the call.
        public static let outOfResources = Code(rawValue: "out-of-resources")

        public var description: String { rawValue }
    }

    /// The kind of error.
    public let code: Code
    /// What happened, to which object, and what to do next. It never contains a payload.
    public let message: String
    /// Why the port is over, for ``Code/closed`` and ``Code/undelivered``.
    public let reason: CloseReason?
    /// The underlying error, where there is one.
    public let cause: (any Error)?

    /// Makes an error, for tests of code that handles errors, and for types that behave like a port.
    public init(_ code: Code, _ message: String, reason: CloseReason? = nil, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.reason = reason
        self.cause = cause
    }

    public var description: String { message }

    /// Makes the error that says, in one sentence, why something that came does not decode and where in it. For layers
    /// and programs that decode by themselves (``Message/decode(with:)``).
    ///
    /// - Parameters:
    ///   - what: what does not decode, for the beginning of the sentence: "the message".
    ///   - type: as what it was to be decoded.
    ///   - error: what the decoder has thrown. Of a `DecodingError` the message names the keys that lead to the place,
    ///     and never quotes the value there.
    public static func notDecodable(_ what: String, as type: any Any.Type, _ error: any Error) -> PortError {
        let place = (error as? DecodingError)?.place ?? "\(error)"
        return PortError(.notDecodable, "\(what) does not decode as \(type): \(place)", cause: error)
    }
}

extension PortError {
    static func closed(_ reason: CloseReason) -> PortError {
        PortError(.closed, "the port is over: \(reason.detail)", reason: reason)
    }

    static func undelivered(_ what: String, _ reason: CloseReason?) -> PortError {
        PortError(.undelivered, "\(what): \(reason?.detail ?? "the peer no longer reads")", reason: reason)
    }

    /// The process has reached a limit of descriptors, memory or threads.
    package static func outOfResources(_ what: String, _ cause: SystemError) -> PortError {
        PortError(.outOfResources, "\(what): \(cause); \(scarcityAdvice)", cause: cause)
    }

    package static let scarcityAdvice =
        "close what is not needed, or raise the limit of open files (ulimit -n) or of processes and threads (ulimit -u)"

    static let alreadyTaken = PortError(
        .alreadyTaken,
        """
        another part of this program takes the port's messages: a loop over `messages` that has not been left, a \
        nextMessage that waits, or the handler of onMessage; take the messages in one place, and pass them on from there
        """)

    static func timedOut(_ limit: Duration, _ what: String) -> PortError {
        PortError(.timedOut, "\(what) within \(limit); the port lives on")
    }

    static let waitCancelled = PortError(.cancelled, "the waiting task was cancelled")

    static func messageTooLarge(_ length: Int, limit: Int) -> PortError {
        PortError(
            .messageTooLarge,
            "the message has \(length) bytes, and the limit is \(limit); send it in parts, or transfer a file")
    }

    static func queueFull(_ queued: Int, _ descriptors: Int, limits: PortLimits) -> PortError {
        PortError(
            .queueFull,
            """
            \(queued) bytes and \(descriptors) descriptors wait for the peer to read, and the limits are \
            \(limits.queuedOutput) and \(limits.queuedDescriptors); send less until the peer has read some of it
            """)
    }

    /// This port's own limit allows more, but the ports of the peer's user together hold as much as they may.
    static func queueFull(_ queued: Int) -> PortError {
        PortError(
            .queueFull,
            """
            \(queued) bytes wait for the peer to read, and its user's ports hold as much as they may together; send less \
            until the peers have read some of it
            """)
    }

    static func detached(_ what: String) -> PortError {
        PortError(.detached, "\(what) has been closed or transferred before, and can no longer be used here")
    }

    static func notTransferable(_ why: String) -> PortError {
        PortError(.notTransferable, "the message cannot be posted: \(why)")
    }

    static func notForMany(_ count: Int) -> PortError {
        PortError(
            .notTransferable,
            "the message transfers \(count == 1 ? "something" : "\(count) things"), which only one port can take; "
                + "post it to one port, or set its transfer to [] first")
    }

    static let notReplaceable = PortError(
        .notTransferable,
        """
        a message that is posted with a key cannot transfer anything: a newer message may replace it, and what it \
        transfers would be lost; post it without a key
        """
    )

    static func stillBuffered(_ what: String) -> PortError {
        PortError(.stillBuffered, "the socket cannot be detached: \(what)")
    }

    static let notOpen = PortError(
        .notOpen, "the port is not open yet and cannot be given away; await port.waitUntilOpen() first")

    static func tooManyDescriptors(_ count: Int) -> PortError {
        PortError(
            .tooManyDescriptors,
            """
            the message would bring \(count) descriptors, and the limit is \(FrameHeader.descriptorLimit); send \
            several messages
            """
        )
    }

    static let finishedAlready = PortError(
        .finished, "this program has called finish() on the port, and can post nothing more on it")
}
