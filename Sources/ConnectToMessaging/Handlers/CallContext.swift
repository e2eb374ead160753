public import ConnectTo

/// What a handler knows of the request or event that it handles.
public struct CallContext: Sendable {
    let line: CallLine
    let call: ServedCall?
    /// The type of the request or event.
    public let type: String

    /// The handler that runs in this task, if any. Requests that it makes inherit its deadline.
    @TaskLocal static var current: CallContext?

    init(line: CallLine, type: String, call: ServedCall?) {
        self.line = line
        self.type = type
        self.call = call
    }

    /// The program on the other side, as the bus knows it; nil where the line was not introduced by a bus.
    public var peer: Peer? { line.peer }

    /// How much time the other side gives the answer; nil where it sets no limit. Less than zero once the time is over.
    public var remainingTime: Duration? {
        call?.deadline.map { SuspendingClock.now.duration(to: $0) }
    }
}
