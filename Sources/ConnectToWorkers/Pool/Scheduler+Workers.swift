extension Scheduler {
    /// How long after a failed start the next worker may be started: twice as long after each, up to the longest.
    static var firstBackoff: Duration { .milliseconds(50) }
    static var longestBackoff: Duration { .seconds(5) }

    /// A worker has been started, and takes tasks.
    mutating func didBecomeReady(_ worker: WorkerID, at now: Instant) -> [Action] {
        guard let index = index(of: worker), workers[index].phase == .starting else { return [] }
        workers[index].phase = .ready
        workers[index].idleSince = now
        nextStart = nil
        return decide(at: now)
    }

    /// A worker could not be started; nothing is left of it.
    mutating func didFailToStart(_ worker: WorkerID, at now: Instant) -> [Action] {
        guard let index = index(of: worker) else { return [] }
        let failed = remove(index)
        // A start that the pool has broken off says nothing of the program.
        if failed.phase == .starting { noteFailure(ofStartAt: failed.startedAt, at: now) }
        return decide(at: now)
    }

    /// The line of a worker has ended, so that it can do nothing more, and its process ends or is ended.
    mutating func lineDidEnd(of worker: WorkerID, at now: Instant) -> [Action] {
        guard let index = index(of: worker) else { return [] }
        loseLine(index)
        return decide(at: now)
    }

    /// The process of a worker has exited. What it was sent has ended with its line.
    mutating func didExit(_ worker: WorkerID, at now: Instant) -> [Action] {
        guard let index = index(of: worker) else { return [] }
        let gone = remove(index)
        // Its tasks explain the exit of a worker that had some, and each crash costs one. But a worker that exits by
        // itself before its first task would be started again and again.
        if gone.hasFailed || gone.phase == .ready, gone.sentTasks == 0 {
            noteFailure(ofStartAt: gone.startedAt, at: now)
        }
        return decide(at: now)
    }

    mutating func loseLine(_ index: Int) {
        if workers[index].phase == .ready { workers[index].hasFailed = true }
        workers[index].phase = .ending
    }

    private mutating func remove(_ index: Int) -> ScheduledWorker {
        let gone = workers.remove(at: index)
        if let predecessor = gone.predecessor, let index = self.index(of: predecessor) {
            workers[index].hasSuccessor = false
        }
        return gone
    }

    /// Counts a failed start. Several that were under way at the same time count once: they have the same cause.
    private mutating func noteFailure(ofStartAt start: Instant, at now: Instant) {
        if let lastFailure, start <= lastFailure { return }
        failedStarts += 1
        lastFailure = now
        let doublings = min(failedStarts - 1, 16)
        nextStart = now + min(Self.firstBackoff * (1 << doublings), Self.longestBackoff)
        // Where another worker takes tasks, they go on, though more slowly.
        guard failedStarts >= limits.failedStarts, !workers.contains(where: \.serves) else { return }
        switch state {
        case .open: state = .broken
        case .draining: break
        case .broken, .ending, .closed: return
        }
        for task in waiting.removeAll() { act(.fail(task, .broken)) }
    }
}
