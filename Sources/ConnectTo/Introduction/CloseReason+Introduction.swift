public import ConnectToPorts

/// How a port ends that was never open: only an introduction gives these reasons. (So does ``cancelled``, which a port
/// that waits for one ends with when this side gives it up.)
extension CloseReason.Code {
    /// The listener, or the bus's policy, turned the caller away.
    public static let refused = CloseReason.Code(rawValue: "refused")
    /// The listener has as much to do as it allows itself, or allows this caller; later it may have room.
    public static let busy = CloseReason.Code(rawValue: "busy")
    /// Another program owns the name than the one that was expected; nothing was sent there.
    public static let unexpectedOwner = CloseReason.Code(rawValue: "unexpected-owner")
    /// No program owns the name, or its owner is no context.
    public static let unavailable = CloseReason.Code(rawValue: "unavailable")
    /// What was asked for cannot be: what was given is no name, or there is too much metadata.
    public static let invalid = CloseReason.Code(rawValue: "invalid")
    /// No program has the name, and the bus could not start the one that would: it never ran, or ended before it had
    /// the name. What was posted has not been delivered to any program.
    public static let startFailed = CloseReason.Code(rawValue: "start-failed")
    /// The introduction was not answered, or no program registered the name, within its time.
    public static let timedOut = CloseReason.Code(rawValue: "timed-out")
    /// The bus went away before the port was open. An open port outlives the bus.
    public static let busLost = CloseReason.Code(rawValue: "bus-lost")
}
