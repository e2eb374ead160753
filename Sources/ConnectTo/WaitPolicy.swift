/// What `connectTo` does while no program owns the name; compare with the constants. New policies may come.
///
/// If the bus can start a program for the name, it does so under every policy.
public struct WaitPolicy: Sendable, Hashable {
    /// How long to wait for an owner, more than zero; nil where the port does not wait.
    let patience: Duration?

    /// The port does not wait: without an owner of the name it ends at once, with ``CloseReason/Code/unavailable``. A
    /// listener that owns the name has ``BusLimits/introduction`` to answer.
    public static let now = WaitPolicy(patience: nil)

    /// The port waits for a program to register the name and to answer. A port that is not open by then ends with
    /// ``CloseReason/Code/timedOut``. So the order in which programs start does not matter. A listener that appears
    /// at the end of the wait has a second to answer. Time in which the machine is suspended does not count.
    ///
    /// A wait of zero or less is ``now``: without an owner of the name the port ends at once, with
    /// ``CloseReason/Code/unavailable``.
    public static func untilAvailable(for duration: Duration) -> WaitPolicy {
        duration > .zero ? WaitPolicy(patience: duration) : .now
    }
}

extension WaitPolicy: CustomStringConvertible {
    public var description: String { patience.map { "until available, for \($0)" } ?? "now" }
}
