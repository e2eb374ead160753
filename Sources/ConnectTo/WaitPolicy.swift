/// What `connectTo` does while nobody owns the name.
///
/// A listener that the bus can start is started in either case.
public enum WaitPolicy: Sendable, Hashable {
    /// The port ends at once, with ``CloseReason/Code/unavailable``. A listener that is there has
    /// ``BusLimits/introduction`` to answer.
    case now
    /// The port waits for a program to register the name and to answer; what is not open by then ends with
    /// ``CloseReason/Code/timedOut``. So the order in which programs start does not matter. A listener that comes at the
    /// end of the wait has a second to answer. Time in which the machine is suspended does not count.
    ///
    /// With zero or less the port does not wait for the name: its owner is called, and has as long to answer as with
    /// ``now``; where the name has no owner the port ends at once, with ``CloseReason/Code/timedOut``.
    case untilAvailable(for: Duration)
}
