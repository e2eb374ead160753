import FoundationEssentials

/// How many workers a ``WorkerPool`` has, how much waits for them, and when they are replaced.
///
/// A number that makes no sense counts as the nearest one that does.
public struct WorkerLimits: Sendable, Hashable {
    /// How many workers are kept, also when there is nothing to do: 0 if not set.
    public var minimum: Int
    /// The most workers there are at a time: as many as this process has processors if not set. A worker that is being
    /// replaced does not count beside its successor.
    public var maximum: Int
    /// How many tasks a worker has at the same time: 1 if not set. More pays for workers that mostly wait.
    public var tasksPerWorker: Int
    /// How many tasks may wait, beyond those that all workers together can have at a time: 1,024 if not set. Above that
    /// `tryRun` refuses a task, and `run` waits for room.
    public var queue: Int
    /// For how long a worker has nothing to do before it is ended: 10 s if not set. ``minimum`` stay.
    public var idleTime: Duration
    /// How long a worker may go on with a task that was given up before it is killed, and how long a worker that was
    /// told to end may take: 1 s if not set.
    public var grace: Duration
    /// After how many tasks a worker is replaced: any number if nil. A tenth of the number is left to chance, so that
    /// workers that were started together are not replaced together: with 1,000 it is from 900 on.
    public var tasksBeforeRecycling: Int?
    /// With how many bytes of resident memory (VmRSS) after a task a worker is replaced: any number if nil.
    public var memory: Int?
    /// After how many failed starts in a row, without a worker that could do the tasks, the pool is broken
    /// (``WorkerPool/State/broken(_:)``): 5 if not set.
    public var failedStarts: Int

    /// Makes limits: each as it is said, or as usual.
    public init(
        minimum: Int = 0, maximum: Int = WorkerLimits.processors, tasksPerWorker: Int = 1, queue: Int = 1_024,
        idleTime: Duration = .seconds(10), grace: Duration = .seconds(1), tasksBeforeRecycling: Int? = nil,
        memory: Int? = nil, failedStarts: Int = 5
    ) {
        self.minimum = minimum
        self.maximum = maximum
        self.tasksPerWorker = tasksPerWorker
        self.queue = queue
        self.idleTime = idleTime
        self.grace = grace
        self.tasksBeforeRecycling = tasksBeforeRecycling
        self.memory = memory
        self.failedStarts = failedStarts
    }

    /// How many processors this process may use.
    public static var processors: Int { ProcessInfo.processInfo.activeProcessorCount }

    private static let most = 1 << 16

    /// The limits with the nearest numbers that make sense.
    var sensible: WorkerLimits {
        var limits = self
        limits.maximum = min(max(maximum, 1), Self.most)
        limits.minimum = min(max(minimum, 0), limits.maximum)
        limits.tasksPerWorker = min(max(tasksPerWorker, 1), Self.most)
        limits.queue = min(max(queue, 0), Int(Int32.max))
        limits.tasksBeforeRecycling = tasksBeforeRecycling.map { max($0, 1) }
        limits.failedStarts = max(failedStarts, 1)
        return limits
    }

    /// How many tasks all workers together can have at a time.
    var places: Int { maximum * tasksPerWorker }
}
