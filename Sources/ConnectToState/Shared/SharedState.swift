import ConnectToLinux
import Glibc
public import Logging
import Synchronization

/// Values of JSON that several programs write at the same time, each in a copy of its own: a *replica*. Replicas that
/// know the same writes hold the same values, whatever the order in which they heard of them.
///
/// ```swift
/// let settings = SharedState()
/// try await settings.share(as: "settings", on: bus)
/// try settings.set("user.name", to: "Ada")
/// let name = settings.value(at: "user.name")
/// for await change in settings.changes { print(change.path, change.new ?? "gone") }
/// ```
///
/// **Lines.** A replica hears of the writes of others over lines: of ``share(as:on:options:)``, or those that the program
/// gives it (``connect(_:_:)-(String,MessagePort)``). Any shape will do: all to all, a star, a chain, a ring. What is
/// written without a line is kept, and sent when there is one again.
///
/// **Writes never wait** and never fail for what others do. Two writes of a path that did not know of each other are a
/// conflict: all replicas show the same one, by a ``ConflictRule``, and the others stay until a write replaces them.
///
/// **A slow replica** costs the others nothing: at most a mebibyte and one message wait for it here, and it gets the
/// difference when it has taken them.
///
/// Everything here can be called from any thread. A closure that is given to ``transaction(_:)`` or as a
/// ``ConflictRule`` must not use the state itself: that is a mistake in the program, which ends it. The state ends its
/// lines when its last reference is gone; ``close()`` does so after the others have taken what was written.
public final class SharedState: Sendable {
    private let core: Lock<StateCore>
    /// The thread that has the lock.
    private let holder = Atomic<UInt>(0)
    let limits: StateLimits
    let logger: Logger?

    /// Makes a state without values and lines. It lives in memory, as long as a program has a replica of it.
    ///
    /// - Parameters:
    ///   - conflicts: which of several values is shown that were written at the same time.
    ///   - limits: how much it may hold. All replicas should have the same.
    ///   - logger: where it is said that a line was closed, or that an audit has found something; nil: nowhere.
    public convenience init(
        conflicts: ConflictRule = .vectorClock, limits: StateLimits = StateLimits(), logger: Logger? = nil
    ) {
        self.init(Document(rule: conflicts, limits: limits), logger: logger)
    }

    /// - Parameter log: keeps what the state learns; nil: it lives in memory.
    init(_ document: Document, log: (any StateLog)? = nil, logger: Logger?) {
        core = Lock(StateCore(document, log: log))
        limits = document.limits
        self.logger = logger
    }

    deinit {
        end()
    }

    /// Which replica this is: made anew for each object, and never saved.
    public var id: ReplicaID { locked { $0.document.replica } }

    // MARK: The lock

    func locked<Result, Failure: Error>(
        _ body: (inout sending StateCore) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        let thread = UInt(pthread_self())
        precondition(
            holder.load(ordering: .relaxed) != thread,
            "a transaction or a conflict rule uses the shared state that it belongs to; use what the closure is given")
        return try core.withLock { core throws(Failure) in
            holder.store(thread, ordering: .relaxed)
            defer { holder.store(0, ordering: .relaxed) }
            return try body(&core)
        }
    }

    /// Lets the replication do something, sends what comes of it, and tells the changes.
    func change<Failure: Error>(
        from origin: StateChange.Origin = .local, _ body: (inout Replication) throws(Failure) -> Replication.Effects
    ) throws(Failure) {
        finish(
            try locked { core throws(Failure) in
                let effects = try body(&core.replication)
                return core.perform(effects, from: origin)
            })
    }

    /// Does behind the lock what a step wants done.
    func finish(_ wakeups: Wakeups) {
        for loop in wakeups.loops { loop.wake() }
        for loop in wakeups.texts { loop.wake() }
        for loop in wakeups.presence { loop.wake() }
        for loop in wakeups.peers { loop.wake() }
        for latch in wakeups.synchronized { latch.set(true) }
        for (line, messenger, bytes) in wakeups.barriers { askHowFar(line, messenger, bytes) }
        for (messenger, peer, reason) in wakeups.refused { refuse(messenger, peer, reason) }
        for (peer, found) in wakeups.findings {
            logger?.error("an audit found that this replica and \"\(peer)\" differed (\(found)), and has mended it")
        }
    }

    /// Milliseconds since 1970.
    static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(max(0, time.tv_sec)) * 1_000 + UInt64(time.tv_nsec) / 1_000_000
    }
}
