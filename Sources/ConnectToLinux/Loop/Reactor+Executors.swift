extension Reactor: SerialExecutor {
    /// The executor that runs tasks on the loop.
    package var tasks: ReactorTasks {
        taskExecutor.withLock { existing in
            if let existing { return existing }
            let tasks = ReactorTasks(self)
            existing = tasks
            return tasks
        }
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = Job(job: UnownedJob(job), tasks: nil)
        submit { $0.work.jobs.append(job) }
    }

    package func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        UnownedSerialExecutor(ordinary: self)
    }

    package func checkIsolated() {
        precondition(isCurrent, "this must run on the event loop")
    }

    package func isIsolatingCurrentContext() -> Bool? { isCurrent }

    /// A job of a task or of an actor.
    struct Job {
        let job: UnownedJob
        /// Nil for an actor's job.
        let tasks: UnownedTaskExecutor?

        func run(on reactor: Reactor) {
            if let tasks {
                job.runSynchronously(on: tasks)
            } else {
                job.runSynchronously(on: reactor.asUnownedSerialExecutor())
            }
        }
    }
}

/// A task executor that runs tasks on a reactor. Valid while the reactor lives.
///
/// It is not the reactor itself: with the reactor as its serial executor, a task would be enqueued again whenever it
/// calls a nonisolated function, which happens several times for each message.
package final class ReactorTasks: TaskExecutor {
    private unowned let reactor: Reactor

    init(_ reactor: Reactor) {
        self.reactor = reactor
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = Reactor.Job(job: UnownedJob(job), tasks: UnownedTaskExecutor(ordinary: self))
        reactor.submit { $0.work.jobs.append(job) }
    }
}
