extension Bus {
    /// What state the connection to a bus is in; compare with the constants. New ones may come, so a `switch` needs a
    /// default.
    public struct Status: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
        /// The state as it stands in logs and in JSON output.
        public let rawValue: String

        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// All is in force.
        public static let connected = Status(rawValue: "connected")
        /// The connection was lost, and is tried again; see ``Bus/status``.
        public static let reconnecting = Status(rawValue: "reconnecting")
        /// It is over: closed here, or the bus has not come back in time. There is no way back.
        public static let lost = Status(rawValue: "lost")

        public var description: String { rawValue }
    }

    /// What state the connection is in just now.
    ///
    /// When the bus goes away, open ports go on, and the connection is tried again, every tenth of a second at most,
    /// for one minute (``BusLimits/absence``). Until the bus is back nobody can be found: contexts keep their place in
    /// the program, their status is ``Context/Status/reconnecting``; `connectTo` that waits for a name waits for the bus too, and so
    /// does `register`, for ten seconds; what needs the bus at once fails with ``ConnectToError/Code/busLost``. What
    /// was under way when the bus went fails with that too, for nobody can know whether it was carried out.
    ///
    /// When it is back, maybe started anew, contexts are registered again before this says `connected`. Whoever was
    /// faster has the name: a context that finds it taken ends with ``Context/EndReason/nameLost``, one that stands by
    /// (``ContextOptions/Ownership/standby``) queues; so owner and standby may have changed places. Unique names
    /// (``Peer/busName``, ``DirectoryEntry/owner``) of before mean nothing any more.
    public var status: Status { board.status }

    /// The status when a task begins to take them, and each that follows; ends after ``Status/lost``, and when the task
    /// is cancelled.
    ///
    /// Any number of tasks may take them, each at its own pace. Of what a slow one does not take the newest 64 are kept.
    public var statusChanges: StatusChanges { StatusChanges(board: board) }

    /// See ``Bus/statusChanges``.
    public struct StatusChanges: AsyncSequence, Sendable {
        public typealias Element = Status
        public typealias Failure = Never

        let board: StatusBoard<Status>

        public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(base: board.statuses().makeAsyncIterator()) }

        public struct AsyncIterator: AsyncIteratorProtocol {
            var base: AsyncStream<Status>.AsyncIterator

            /// The status at first, then each change; nil after ``Status/lost``.
            public mutating func next() async -> Status? { await base.next() }

            /// The same, without leaving the actor.
            public mutating func next(isolation actor: isolated (any Actor)?) async -> Status? {
                await base.next(isolation: actor)
            }
        }
    }
}
