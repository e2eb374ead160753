/// Why a port is over.
///
/// Every port ends with exactly one reason. It is set once and stays, so a program that asks late still learns it.
public struct CloseReason: Sendable, Hashable, CustomStringConvertible {
    /// The kind of end; compare with the constants. Later versions may add codes, so a `switch` needs a default.
    ///
    /// A `catch` clause can match how the port of a ``PortError`` ended, without a cast:
    ///
    /// ```swift
    /// do {
    ///     for try await message in port.messages { show(message) }
    /// } catch CloseReason.Code.peerExited {
    ///     restart()
    /// } catch {
    ///     throw error
    /// }
    /// ```
    ///
    /// Why the last clause is needed stands with ``PortError/Code-swift.struct``.
    ///
    /// The codes for introductions that fail (`refused`, `unavailable` and others) are declared with the introductions,
    /// in the module `ConnectTo`.
    public struct Code: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
        /// The code as it stands in JSON output and in logs.
        public let rawValue: String

        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// Whether an error is a ``PortError`` whose ``PortError/reason`` has this code.
        public static func ~= (code: Code, error: any Error) -> Bool {
            (error as? PortError)?.reason?.code == code
        }

        /// The port was closed in order, by this side or by the peer, or both sides had finished.
        public static let closed = Code(rawValue: "closed")
        /// The peer's process ended, was killed, or dropped the line without closing it.
        public static let peerExited = Code(rawValue: "peer-exited")
        /// The peer broke a rule of the protocol.
        public static let protocolError = Code(rawValue: "protocol-error")
        /// The port was given away: the line goes on as another port, or as a socket without one.
        public static let transferred = Code(rawValue: "transferred")
        /// This side could not go on, for a reason that the peer did not cause: the process or the system has no
        /// descriptors or memory left for the line, or the kernel refused a system call.
        public static let outOfResources = Code(rawValue: "out-of-resources")
        /// This side gave the port up before it was open: see ``MessagePort/abort()``.
        public static let cancelled = Code(rawValue: "cancelled")

        public var description: String { rawValue }
    }

    /// The kind of end.
    public let code: Code
    /// A sentence for people, with the names of context and peer where they are known. It never contains a payload.
    public let detail: String

    /// Makes a reason, for tests of code that handles reasons.
    public init(_ code: Code, detail: String) {
        self.code = code
        self.detail = detail
    }

    public var description: String { "\(code): \(detail)" }
}

extension CloseReason {
    static let closedHere = CloseReason(.closed, detail: "this program closed the port")
    static let abortedHere = CloseReason(.closed, detail: "this program aborted the port")
    static let givenUpHere = CloseReason(.cancelled, detail: "this program aborted the port before it was open")
    /// For a line whose port was closed on this side before, with messages that were still to be handed over.
    static func notTaken(_ time: Duration) -> CloseReason {
        CloseReason(
            .closed,
            detail: "this program closed the port, and the peer took nothing more for \(time)")
    }

    package static let closedByPeer = CloseReason(.closed, detail: "the peer closed the port")
    static let transferred = CloseReason(.transferred, detail: "this program transferred the port")
    static let socketDetached = CloseReason(.transferred, detail: "this program detached the socket of the port")
    static let bothFinished = CloseReason(.closed, detail: "both sides have finished")
    /// Whether the process has ended or lives and has aborted the port, the socket does not tell.
    static let peerExited = CloseReason(.peerExited, detail: "the peer ended the line without closing the port")

    static let extensionUnknown = CloseReason(
        .protocolError,
        detail: "the port needs an extension of the protocol that this version does not know; update this program")

    static func protocolError(_ violation: ProtocolViolation) -> CloseReason {
        CloseReason(.protocolError, detail: "the peer broke the protocol: \(violation.fault)")
    }

    static let descriptorsRefused = protocolError(
        ProtocolViolation(
            "it has switched SO_PASSRIGHTS off, so files, ports and memory cannot be transferred to it"))

    static let descriptorsLost = CloseReason(
        .outOfResources,
        detail: """
            descriptors that came with a message could not be received: this process has reached its limit of open \
            files, or a security module keeps these from it
            """)

    /// A system call, or an allocation of memory, failed on this side.
    static func failed(_ error: some Error) -> CloseReason {
        CloseReason(.outOfResources, detail: "the line failed in this process: \(error)")
    }
}
