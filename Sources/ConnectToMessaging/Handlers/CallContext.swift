public import ConnectTo

/// What a handler knows of the request or event that it handles.
public struct CallContext: Sendable {
    let line: CallLine
    let call: ServedCall?
    /// The type of the request or event.
    public let type: String
    /// The peer of the hub on the other side that has sent it through the hub; nil where the other side itself has. The
    /// hub vouches for it.
    public let sender: String?

    /// The handler that runs in this task, if any. Requests that it makes inherit its deadline.
    @TaskLocal static var current: CallContext?

    init(line: CallLine, type: String, sender: String?, call: ServedCall?) {
        self.line = line
        self.type = type
        self.sender = sender
        self.call = call
    }

    /// The program on the other side, as the bus knows it; nil where the line was not introduced by a bus.
    public var peer: Peer? { line.peer }

    /// The name that the ``Hub`` has given the line; nil where the line does not belong to a hub.
    public var peerID: String? { line.peerID }

    /// The messenger of the line, to ask or tell the other program something; nil once it has been dropped.
    public var messenger: Messenger? { line.messenger }

    /// How much time the other side gives the answer; nil where it sets no limit. Less than zero once the time is over.
    public var remainingTime: Duration? {
        call?.deadline?.timeLeft
    }
}
