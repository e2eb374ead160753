/// How a caller connects to a context: see ``Bus/connectTo(_:origin:options:)``,
/// ``Bus/openStream(to:origin:options:)`` and ``Bus/connections(to:origin:options:following:)``.
///
/// ```swift
/// let port = bus.connectTo("clock", options: ConnectOptions(wait: .now))
/// ```
public struct ConnectOptions: Sendable {
    /// What to do while no program owns the name: wait ten seconds if not set.
    public var wait: WaitPolicy
    /// Free text for the listener, 64 KiB and 1,024 keys in all; the listener finds it in ``ConnectEvent/metadata``.
    public var metadata: [String: String]
    /// Which owner of the name to accept as the listener; any owner if nil.
    ///
    /// The owner is looked at first. Then the line with all that was posted goes only to that owner's connection,
    /// whatever program takes the name meanwhile. The port to another owner ends with
    /// ``CloseReason/Code/unexpectedOwner``, and nothing has left this process. This costs two more questions to the
    /// bus.
    public var expected: Admission?
    /// What the messages mean to both programs (``LineFormat``): plain ``LineFormat/messages`` if not set. A context of
    /// another format refuses the caller. Streams have a call of their own, which ignores this.
    public var format: LineFormat

    /// The defaults: wait ten seconds for any listener, and send no metadata.
    public init(
        wait: WaitPolicy = .untilAvailable(for: .seconds(10)), metadata: [String: String] = [:],
        expected: Admission? = nil, format: LineFormat = .messages
    ) {
        self.wait = wait
        self.metadata = metadata
        self.expected = expected
        self.format = format
    }
}

extension ConnectToError {
    static func notForMessages(_ format: LineFormat) -> ConnectToError {
        ConnectToError(
            .otherFormat,
            format.isStream
                ? "a port carries messages: open a stream with openStream(to:)"
                : "a format is a word of 1 to \(LineFormat.longestWord) bytes")
    }
}
