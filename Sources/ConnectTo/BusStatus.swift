extension Bus {
    /// How it stands with the connection to a bus.
    public enum Status: String, Sendable {
        /// All is in force.
        case connected
        /// The connection was lost, and is tried again; see ``Bus/status``.
        case reconnecting
        /// It is over: closed here, or the bus has not come back in time. There is no way back.
        case lost
    }

    /// How it stands with the connection just now.
    ///
    /// When the bus goes away, open ports go on, and the connection is tried again, every tenth of a second at most,
    /// for one minute (``BusLimits/absence``). Until the bus is back nobody can be found: contexts keep their place in
    /// the program, ``Context/isRegistered`` is false; `connectTo` that waits for a name waits for the bus too, and so
    /// does `register`, for ten seconds; what needs the bus at once fails with ``ConnectToError/Code/busLost``. What
    /// was under way when the bus went fails with that too, for nobody can know whether it was carried out.
    ///
    /// When it is back, maybe started anew, contexts are registered again before this says `connected`. Whoever was
    /// faster has the name: a context that finds it taken ends with ``Context/EndReason/nameLost``, one that stands by
    /// (``ContextOptions/Ownership/standby``) queues; so owner and standby may have changed places. Unique names
    /// (``Peer/busName``, ``DirectoryEntry/owner``) of before mean nothing any more.
    public var status: Status { board.status }

    /// The status now, and each that follows; ends after ``Status/lost``.
    ///
    /// Any number of tasks may each take their own. Of what a slow one does not take the newest 64 are kept.
    public var statuses: AsyncStream<Status> { board.statuses() }
}
