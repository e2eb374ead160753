extension Bus {
    /// What state the connection to a bus is in; compare with the constants. New ones may come, so a `switch` needs a
    /// default.
    public struct Status: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
        /// The state as it stands in logs and in JSON output.
        public let rawValue: String

        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// The bus is there, and contexts and subscriptions are in force.
        public static let connected = Status(rawValue: "connected")
        /// The connection was lost, and the process tries to connect again; see ``Bus/status``.
        public static let reconnecting = Status(rawValue: "reconnecting")
        /// The connection is over for good: the program closed it, or the bus has not come back in time.
        public static let lost = Status(rawValue: "lost")

        public var description: String { rawValue }
    }

    /// What state the connection is in just now.
    ///
    /// When the bus goes away, open ports go on, and the process tries to connect again, every tenth of a second at
    /// most, for one minute (``BusLimits/absence``). Until the bus is back no context can be found. Contexts are
    /// kept, with the status ``Context/Status/reconnecting``. `connectTo` with a wait for the name waits for the bus
    /// too, and so does `register`, for ten seconds. What needs the bus at once fails with
    /// ``ConnectToError/Code/busLost``. Calls that were under way when the bus went fail with that too, since it
    /// cannot be known whether they were carried out.
    ///
    /// When the bus is back, maybe started anew, contexts are registered again before this says `connected`. Another
    /// process may have been faster: a context that finds its name taken ends with ``Context/EndReason/nameLost``,
    /// and one that stands by (``ContextOptions/Ownership/standby``) queues, so owner and standby may have changed
    /// places. Unique names from before (``Peer/busName``, ``DirectoryEntry/owner``) mean nothing any more.
    public var status: Status { board.status }

    /// The status when a task begins to take them, and each status that follows. Ends after ``Status/lost``, and when
    /// the task is cancelled.
    ///
    /// Any number of tasks may take them, each at its own pace. For a slow task the newest 64 are kept.
    public var statusChanges: StatusChanges<Status> { StatusChanges(board: board) }
}
