/// How a messenger treats its line: above all how much it holds of what the other program sends.
public struct MessengerOptions: Sendable {
    /// How many requests the other program may have under way here: 1 to 2³¹, 64 if not set. Further ones wait there.
    public var places = 64
    /// How many bytes of requests and events wait or run here, besides one more message: 64 KiB at least, 16 MiB if
    /// not set.
    public var window = 16 << 20
    /// How many bytes of events wait here for the other program to take them: 16 MiB if not set.
    /// ``Messenger/post(_:_:)`` throws beyond.
    public var queuedEvents = 16 << 20

    /// Makes the usual options.
    public init() {}
}
