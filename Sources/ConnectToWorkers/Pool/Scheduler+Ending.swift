extension Scheduler {
    /// Takes no new tasks. Those that are here may end until the deadline; then they are given up.
    mutating func drain(until deadline: Instant, at now: Instant) -> [Action] {
        switch state {
        case .open, .broken:
            state = .draining(until: deadline)
        case .draining(let earlier):
            state = .draining(until: min(earlier, deadline))
        case .ending, .closed: break
        }
        return decide(at: now)
    }

    /// Gives up all tasks, and ends all workers at once: the pool was dropped.
    mutating func abandon(at now: Instant) -> [Action] {
        if state == .closed { return [] }
        giveUpAll(at: now)
        for index in workers.indices { kill(index) }
        return decide(at: now)
    }

    /// Starts workers again, though too many starts have failed.
    mutating func reset(at now: Instant) -> [Action] {
        failedStarts = 0
        nextStart = nil
        if state == .broken { state = .open }
        return decide(at: now)
    }

    mutating func giveUpAll(at now: Instant) {
        state = .ending
        for task in waiting.removeAll() { act(.fail(task, .closed)) }
        for index in workers.indices {
            for running in workers[index].running { giveUp(running.task, by: index, .closed, at: now) }
        }
    }
}
