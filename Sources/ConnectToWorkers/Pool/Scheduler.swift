/// Which task goes to which worker, when workers are started, and when they end.
///
/// It does no I/O and reads no clock: it takes what has happened, with the time, and says what is to be done, in order.
/// The pool does that, and tells it what comes of it.
///
/// - The oldest task goes first, to the worker that has the fewest and, among those, was used last: so workers that are
///   not needed stay unused, and end.
/// - Every decision looks at the table of workers, in which each stands until its process has exited. There are no
///   counters that could differ from it.
/// - There are never more than ``WorkerLimits/maximum`` workers, but for those that a successor has been started for.
///   A successor takes no task as long as its predecessor has one in its place.
struct Scheduler: Sendable {
    typealias Instant = SuspendingClock.Instant
    /// Counted up in the order in which the tasks were submitted.
    typealias TaskID = UInt64
    /// Counted up in the order of the starts.
    typealias WorkerID = Int

    /// What the pool is to do.
    enum Action: Sendable, Hashable {
        case start(WorkerID)
        case send(TaskID, to: WorkerID)
        /// Ends a task for its caller. If it runs, its worker is to be told.
        case fail(TaskID, Failure)
        /// Ends a worker in order: it has no task.
        case end(WorkerID)
        /// Ends a worker at once.
        case kill(WorkerID)
        /// The pool is closed, and the last worker has exited.
        case finish
    }

    /// Why a task ends without an answer, though no worker has said so.
    enum Failure: Sendable, Hashable {
        /// Its caller was cancelled.
        case cancelled
        /// It has waited for a worker for as long as it was to.
        case waitedTooLong
        /// No worker can be started.
        case broken
        /// The pool is drained, terminated or dropped.
        case closed
    }

    /// Why a task is not taken.
    enum Refusal: Error {
        case full, broken, closed
    }

    enum State: Sendable, Hashable {
        case open
        /// Too many starts in a row have failed. Nothing is started until a reset.
        case broken
        /// No new tasks are taken. At the deadline those that are here are given up.
        case draining(until: Instant)
        /// As draining, and all tasks have been given up.
        case ending
        /// No worker is left, and no task.
        case closed
    }

    let limits: WorkerLimits
    var workers: [ScheduledWorker] = []
    var waiting = WaitingTasks()
    var state = State.open
    /// How many starts have failed since a worker was last done with a task.
    var failedStarts = 0
    /// When the last of them failed.
    var lastFailure: Instant?
    /// When the next worker may be started, after a failed start.
    var nextStart: Instant?
    /// When a worker is to be started that is wanted now; nil where none is, or something else has to happen first.
    var startDeadline: Instant?
    private var lastUse: UInt64 = 0
    private var lastWorker: WorkerID = 0
    private var chance: any RandomNumberGenerator & Sendable
    private var actions: [Action] = []

    /// - Parameter chance: spreads the workers' recycling.
    init(limits: WorkerLimits, chance: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()) {
        self.limits = limits.sensible
        self.chance = chance
    }

    // MARK: Seeing

    var runningCount: Int { workers.reduce(0) { $0 + $1.running.count } }

    /// How many more tasks a worker takes, now or once it is ready. What its predecessor still does takes places too.
    func places(of worker: ScheduledWorker) -> Int {
        guard worker.hasFuture, !worker.hasGivenUpTask else { return 0 }
        let predecessor = worker.predecessor.flatMap { self[$0] }
        return max(0, limits.tasksPerWorker - worker.running.count - (predecessor?.running.count ?? 0))
    }

    subscript(id: WorkerID) -> ScheduledWorker? {
        index(of: id).map { workers[$0] }
    }

    // MARK: Tasks

    /// A task has come.
    ///
    /// - Parameters:
    ///   - task: a number above all before it.
    ///   - refusesIfFull: whether it is refused where every place of every worker and of the queue is taken.
    ///   - deadline: until when it may wait for a worker.
    mutating func submit(
        _ task: TaskID, refusesIfFull: Bool = false, waitingUntil deadline: Instant? = nil, at now: Instant
    ) throws(Refusal) -> [Action] {
        switch state {
        case .open: break
        case .broken: throw .broken
        case .draining, .ending, .closed: throw .closed
        }
        if refusesIfFull, waiting.count + runningCount >= limits.places + limits.queue { throw .full }
        waiting.insert(task, until: deadline)
        return decide(at: now)
    }

    /// The caller of a task does not want its answer any more.
    mutating func cancel(_ task: TaskID, at now: Instant) -> [Action] {
        if waiting.remove(task) {
            actions.append(.fail(task, .cancelled))
        } else if let index = workers.firstIndex(where: { $0.index(of: task) != nil }) {
            giveUp(task, by: index, .cancelled, at: now)
        }
        return decide(at: now)
    }

    /// A running task has ended for its caller, and its worker has not answered: its time was over.
    mutating func didGiveUp(_ task: TaskID, by worker: WorkerID, at now: Instant) -> [Action] {
        guard let index = index(of: worker), let running = workers[index].index(of: task) else { return [] }
        if workers[index].running[running].givenUpSince == nil {
            workers[index].running[running].givenUpSince = now
        }
        return decide(at: now)
    }

    /// A worker is done with a task: it has answered, whatever it said, or its line has ended.
    ///
    /// - Parameter usesTooMuchMemory: whether the worker is to go because of it.
    mutating func didEnd(
        _ task: TaskID, by worker: WorkerID, usesTooMuchMemory: Bool = false, at now: Instant
    ) -> [Action] {
        guard let index = index(of: worker), let running = workers[index].index(of: task) else { return [] }
        workers[index].running.remove(at: running)
        workers[index].idleSince = now
        if usesTooMuchMemory { workers[index].isRetiring = true }
        failedStarts = 0
        return decide(at: now)
    }

    /// A task was not sent, since the line of its worker has ended: it goes back to its place among those that wait.
    mutating func didReturn(
        _ task: TaskID, by worker: WorkerID, waitingUntil deadline: Instant?, at now: Instant
    ) -> [Action] {
        guard let index = index(of: worker), let running = workers[index].index(of: task) else { return [] }
        let hasGivenUp = workers[index].running.remove(at: running).givenUpSince != nil
        loseLine(index)
        if !hasGivenUp {
            switch state {
            case .open, .draining: waiting.insert(task, until: deadline)
            case .broken: actions.append(.fail(task, .broken))
            case .ending, .closed: actions.append(.fail(task, .closed))
            }
        }
        return decide(at: now)
    }

    // MARK: Doing

    /// What is to be done after something has happened.
    mutating func takeActions() -> [Action] {
        defer { actions = [] }
        return actions
    }

    mutating func act(_ action: Action) {
        actions.append(action)
    }

    mutating func giveUp(_ task: TaskID, by index: Int, _ failure: Failure, at now: Instant) {
        guard let running = workers[index].index(of: task), workers[index].running[running].givenUpSince == nil
        else { return }
        workers[index].running[running].givenUpSince = now
        actions.append(.fail(task, failure))
    }

    mutating func send(_ task: TaskID, to index: Int) {
        lastUse += 1
        workers[index].lastUse = lastUse
        workers[index].running.append(ScheduledWorker.Running(task: task))
        workers[index].sentTasks += 1
        if workers[index].sentTasks == workers[index].lifetimeTasks { workers[index].isRetiring = true }
        actions.append(.send(task, to: workers[index].id))
    }

    /// Starts a worker.
    ///
    /// - Parameter predecessor: the worker that it takes the place of, which gets no more tasks.
    mutating func start(replacing predecessor: WorkerID? = nil, at now: Instant) {
        lastWorker += 1
        if let predecessor, let index = index(of: predecessor) { workers[index].hasSuccessor = true }
        // Up to a tenth less: workers that were started together are not recycled together.
        let lifetime = limits.tasksBeforeRecycling.map { $0 - Int.random(in: 0...($0 / 10), using: &chance) }
        workers.append(
            ScheduledWorker(id: lastWorker, startedAt: now, lifetimeTasks: lifetime, predecessor: predecessor))
        actions.append(.start(lastWorker))
    }

    /// Ends a worker: in order, or at once where it has not begun.
    mutating func end(_ index: Int) {
        switch workers[index].phase {
        case .starting: return kill(index)
        case .ready: actions.append(.end(workers[index].id))
        case .ending: return
        }
        workers[index].phase = .ending
    }

    mutating func kill(_ index: Int) {
        workers[index].phase = .ending
        if workers[index].isKilled { return }
        workers[index].isKilled = true
        actions.append(.kill(workers[index].id))
    }

    /// Where a worker stands: they stand in their order.
    func index(of id: WorkerID) -> Int? {
        var (low, high) = (0, workers.count)
        while low < high {
            let middle = (low + high) / 2
            if workers[middle].id < id { low = middle + 1 } else { high = middle }
        }
        return low < workers.count && workers[low].id == id ? low : nil
    }
}
