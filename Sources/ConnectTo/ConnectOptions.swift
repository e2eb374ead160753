/// How a context is called: see ``Bus/connectTo(_:origin:options:)``, ``Bus/openStream(to:origin:options:)`` and
/// ``Bus/connections(to:origin:options:)``.
///
/// ```swift
/// let port = bus.connectTo("clock", options: ConnectOptions(wait: .now))
/// ```
public struct ConnectOptions: Sendable {
    /// What to do while no program owns the name: wait ten seconds if not set.
    public var wait: WaitPolicy
    /// Free text for the listener, 64 KiB and 1,024 keys in all; it finds it in ``ConnectEvent/metadata``.
    public var metadata: [String: String]
    /// Who the listener has to be; any owner of the name if nil.
    ///
    /// The owner is looked at first, and the line with all that was posted goes to that connection alone, whatever
    /// program takes the name meanwhile. The port of another owner ends with ``CloseReason/Code/unexpectedOwner``, and
    /// nothing has left this process. It costs two more questions to the bus.
    public var expected: Admission?

    /// The defaults: wait ten seconds for any listener, and send no metadata.
    public init(
        wait: WaitPolicy = .untilAvailable(for: .seconds(10)), metadata: [String: String] = [:],
        expected: Admission? = nil
    ) {
        self.wait = wait
        self.metadata = metadata
        self.expected = expected
    }
}
