/// What `connectTo` does while nobody owns the name.
///
/// A listener that the bus can start is started in either case.
public enum WaitPolicy: Sendable, Hashable {
    /// The port ends at once, with ``CloseReason/Code/unavailable``.
    case now
    /// The port waits for somebody to register the name, then ends with ``CloseReason/Code/timedOut``. So the
    /// order in which programs start does not matter. Time in which the machine is suspended does not count.
    ///
    /// With zero or less nobody is waited for: whoever owns the name is called, and where nobody does the port ends at
    /// once, with ``CloseReason/Code/timedOut``.
    case untilAvailable(for: Duration)
}
