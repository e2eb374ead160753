import ConnectToMessaging

extension WorkerPool {
    /// What a pool takes.
    public enum State: Sendable, Hashable {
        /// It takes tasks.
        case open
        /// It takes no tasks until ``WorkerPool/reset()``, since no worker can be started. The sentence says why.
        case broken(String)
        /// It takes no more tasks, and its last ones or its last workers end.
        case draining
        /// It takes no more tasks, and all workers have exited.
        case closed
    }

    /// The numbers of one moment.
    public struct Status: Sendable, Hashable {
        /// How many tasks wait for a worker, those included that wait for room in the queue.
        public let waiting: Int
        /// How many tasks workers have, those included that were given up and have not been answered.
        public let running: Int
        /// How many workers are ready.
        public let workers: Int
        /// How many workers are being started.
        public let starting: Int
        /// How many workers were told to end, or have crashed, and have not exited yet.
        public let ending: Int
        /// What the pool takes.
        public let state: State
    }

    /// The numbers of this moment.
    public var status: Status {
        let core = core
        return core.withState { state in
            let workers = state.scheduler.workers
            return Status(
                waiting: state.scheduler.waiting.count, running: state.scheduler.runningCount,
                workers: workers.count { $0.phase == .ready }, starting: workers.count { $0.phase == .starting },
                ending: workers.count { $0.phase == .ending },
                state: State(state.scheduler.state, core.error(.broken, lastStart: state.lastFailure).message))
        }
    }
}

extension WorkerPool.State {
    fileprivate init(_ state: Scheduler.State, _ reason: @autoclosure () -> String) {
        switch state {
        case .open: self = .open
        case .broken: self = .broken(reason())
        case .draining, .ending: self = .draining
        case .closed: self = .closed
        }
    }
}
