extension Scheduler {
    /// Brings tasks to workers, and has the workers there that are needed, no more and no fewer.
    mutating func decide(at now: Instant) -> [Action] {
        endOverdue(at: now)
        sendWaiting()
        startWanted(at: now)
        endUnwanted(at: now)
        return takeActions()
    }

    /// Time has passed: to be called at ``nextDeadline``.
    mutating func timeDidPass(at now: Instant) -> [Action] {
        decide(at: now)
    }

    /// When ``timeDidPass(at:)`` has something to do, if nothing happens before; nil: never.
    var nextDeadline: Instant? {
        var next = waiting.earliestDeadline
        func consider(_ deadline: Instant?) {
            guard let deadline else { return }
            next = min(next ?? deadline, deadline)
        }
        consider(startDeadline)
        if case .draining(let deadline) = state { consider(deadline) }
        let mayEnd = futureCount > limits.minimum
        for worker in workers where !worker.isKilled {
            for running in worker.running { consider(running.givenUpSince.map { $0 + limits.grace }) }
            if mayEnd, worker.isIdle, worker.hasFuture, !isHeldBack(worker) {
                consider(worker.idleSince + limits.idleTime)
            }
        }
        return next
    }

    /// How many workers take tasks now or will, once they are ready.
    private var futureCount: Int { workers.count(where: \.hasFuture) }

    /// Whether its predecessor still has a task in its place.
    private func isHeldBack(_ worker: ScheduledWorker) -> Bool {
        worker.predecessor.flatMap { self[$0] }?.running.isEmpty == false
    }

    // MARK: Time

    private mutating func endOverdue(at now: Instant) {
        for task in waiting.removeOverdue(at: now) { act(.fail(task, .waitedTooLong)) }
        if case .draining(let deadline) = state, deadline <= now { giveUpAll(at: now) }
        for index in workers.indices where !workers[index].isKilled {
            let isStuck = workers[index].running.contains { running in
                running.givenUpSince.map { $0 + limits.grace <= now } ?? false
            }
            if isStuck { kill(index) }
        }
    }

    // MARK: Tasks

    private mutating func sendWaiting() {
        while !waiting.isEmpty, let index = nextWorker(), let task = waiting.popFirst() { send(task, to: index) }
    }

    /// The worker that gets the next task: one with the fewest, and of those the one that was used last.
    private func nextWorker() -> Int? {
        var best: (index: Int, running: Int, lastUse: UInt64)?
        for (index, worker) in workers.enumerated() where worker.phase == .ready && places(of: worker) > 0 {
            if let best, (best.running, worker.lastUse) < (worker.running.count, best.lastUse) { continue }
            best = (index, worker.running.count, worker.lastUse)
        }
        return best?.index
    }

    // MARK: Starting

    private mutating func startWanted(at now: Instant) {
        startDeadline = nil
        switch state {
        case .open, .draining: break
        case .broken, .ending, .closed: return
        }
        while let wanted = wantedStart() {
            // After a failed start one is tried at a time, and not at once.
            if failedStarts > 0 {
                if workers.contains(where: { $0.phase == .starting }) { return }
                if let nextStart, nextStart > now {
                    startDeadline = nextStart
                    return
                }
            }
            switch wanted {
            case .another: start(at: now)
            case .successor(let predecessor): start(replacing: predecessor, at: now)
            }
        }
    }

    private enum WantedStart {
        case another
        case successor(of: WorkerID)
    }

    private func wantedStart() -> WantedStart? {
        if waiting.isEmpty, futureCount >= limits.minimum { return nil }
        let isScarce = state == .open && futureCount < limits.minimum
        // Places that a predecessor still takes are none for now, but no more need to be made for them.
        let freePlaces = workers.reduce(0) { $0 + places(of: $1) }
        let comingPlaces = workers.reduce(0) { sum, worker in
            worker.hasFuture && !worker.hasGivenUpTask ? sum + limits.tasksPerWorker - worker.running.count : sum
        }
        if isScarce || waiting.count > freePlaces, workers.count(where: { !$0.hasSuccessor }) < limits.maximum {
            return .another
        }
        if isScarce || waiting.count > comingPlaces, let retiring = workers.first(where: { mayBeReplaced($0) }) {
            return .successor(of: retiring.id)
        }
        return nil
    }

    /// Whether a successor may be started while the worker is there: one at a time for each place.
    private func mayBeReplaced(_ worker: ScheduledWorker) -> Bool {
        worker.isRetiring && !worker.hasSuccessor && worker.predecessor.flatMap { self[$0] } == nil
    }

    // MARK: Ending

    private mutating func endUnwanted(at now: Instant) {
        for index in workers.indices where workers[index].isIdle && workers[index].isRetiring { end(index) }
        switch state {
        case .open, .broken:
            endIdle(at: now)
        case .draining, .ending:
            guard waiting.isEmpty else { return }
            for index in workers.indices where workers[index].running.isEmpty { end(index) }
            if workers.isEmpty {
                state = .closed
                act(.finish)
            }
        case .closed: break
        }
    }

    /// Ends workers that had nothing to do for long, the coldest first.
    private mutating func endIdle(at now: Instant) {
        guard waiting.isEmpty else { return }
        while futureCount > limits.minimum {
            let coldest = workers.indices.filter { index in
                let worker = workers[index]
                return worker.isIdle && worker.hasFuture && !isHeldBack(worker)
                    && worker.idleSince + limits.idleTime <= now
            }.min { workers[$0].idleSince < workers[$1].idleSince }
            guard let coldest else { return }
            end(coldest)
        }
    }
}
