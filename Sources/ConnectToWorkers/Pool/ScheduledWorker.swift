/// What the ``Scheduler`` knows of one worker, from the decision to start it until its process has exited.
struct ScheduledWorker: Sendable {
    typealias Instant = SuspendingClock.Instant

    enum Phase: Sendable {
        case starting
        case ready
        /// It was told to end, or its line has: it gets no more tasks, and its exit is awaited.
        case ending
    }

    /// A task that the worker has been sent and is not done with.
    struct Running: Sendable {
        let task: Scheduler.TaskID
        /// Since when nothing waits for its answer any more; nil: something does.
        var givenUpSince: Instant?
    }

    let id: Scheduler.WorkerID
    /// When its start was begun.
    let startedAt: Instant
    /// How many tasks it gets in its life; nil: any number.
    let lifetimeTasks: Int?
    /// The worker whose place it takes.
    let predecessor: Scheduler.WorkerID?
    var hasSuccessor = false

    var phase = Phase.starting
    var running: [Running] = []
    /// How many tasks it has been sent.
    var sentTasks = 0
    /// It has been sent its last task.
    var isRetiring = false
    /// Its line has ended though nothing had told it to end.
    var hasFailed = false
    var isKilled = false
    var idleSince: Instant
    /// Higher for a worker that was used more recently.
    var lastUse: UInt64 = 0

    init(
        id: Scheduler.WorkerID, startedAt: Instant, lifetimeTasks: Int?, predecessor: Scheduler.WorkerID?
    ) {
        self.id = id
        self.startedAt = startedAt
        self.lifetimeTasks = lifetimeTasks
        self.predecessor = predecessor
        idleSince = startedAt
    }

    /// Whether it takes tasks now or will, once it is ready.
    var hasFuture: Bool { phase != .ending && !isRetiring }

    /// Whether it still computes for a task that was given up: it gets no new one until it is done with that.
    var hasGivenUpTask: Bool { running.contains { $0.givenUpSince != nil } }

    /// Whether it takes tasks now.
    var serves: Bool { phase == .ready && !isRetiring }

    var isIdle: Bool { phase == .ready && running.isEmpty }

    func index(of task: Scheduler.TaskID) -> Int? { running.firstIndex { $0.task == task } }
}
