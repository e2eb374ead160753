extension Messenger {
    /// A second line to the same program, for what is not to wait behind what this one carries: a *lane*.
    ///
    /// ```swift
    /// try worker.urgent.post(Work.stop, NoPayload())
    /// ```
    ///
    /// What is sent on it never waits behind the requests, events and answers of this messenger, however many and long
    /// they are and however slowly the other program takes them: the lane has a socket, places, a window and queues of
    /// its own. Order holds within the lane and within the line, and **not between the two**: what was posted on the line
    /// first may arrive last.
    ///
    /// The other program handles what comes on the lane by the same handlers, started on the lane in its own order, for
    /// the same ``CallContext/peer`` and ``CallContext/peerID``. Either program may use a lane of its own; each is opened
    /// by the first use of this property, and takes a descriptor on each side. The message that opens it goes ahead of
    /// the requests and events that wait here, but not of what the port already holds: up to 16 MiB and one message. So a
    /// program that is going to send long messages uses the property once before.
    ///
    /// The lane ends with the line, with the same reason. The other program may end it before: then its requests end,
    /// the line goes on, and no second lane is opened. ``close()`` on the lane ends the lane alone. A line with an open
    /// lane is not released (``release(within:)``). The lane of a lane is that lane.
    ///
    /// - Throws: ``CallError`` with ``CallError/Code/lineEnded`` where the line is over, or where this process has no
    ///   descriptors left for a lane.
    public var urgent: Messenger {
        get throws(CallError) { line.isLane ? self : try line.openedLane() }
    }
}
