public import ConnectToPorts

/// Why a port ended that was never open: only an introduction gives these reasons. (It also gives ``cancelled``,
/// where this side gives up a port that waits for its introduction.)
extension CloseReason.Code {
    /// The listener, or the bus's policy, refused the caller.
    public static let refused = CloseReason.Code(rawValue: "refused")
    /// The listener is at a limit for all callers, or for this caller; it may have room later.
    public static let busy = CloseReason.Code(rawValue: "busy")
    /// The owner of the name is not the expected one; nothing was sent to it.
    public static let unexpectedOwner = CloseReason.Code(rawValue: "unexpected-owner")
    /// No program owns the name, or its owner is not a context.
    public static let unavailable = CloseReason.Code(rawValue: "unavailable")
    /// The request is not valid: the name is not a valid one, or there is too much metadata.
    public static let invalid = CloseReason.Code(rawValue: "invalid")
    /// No program owns the name, and the bus could not start the program that would: it never ran, or ended before it
    /// owned the name. What was posted has not been delivered to any program.
    public static let startFailed = CloseReason.Code(rawValue: "start-failed")
    /// The listener did not answer the introduction in time, or no program registered the name in time.
    public static let timedOut = CloseReason.Code(rawValue: "timed-out")
    /// The bus went away before the port was open. An open port outlives the bus.
    public static let busLost = CloseReason.Code(rawValue: "bus-lost")
}
