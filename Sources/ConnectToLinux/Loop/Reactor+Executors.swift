extension Reactor: SerialExecutor {
    /// To run tasks on the loop.
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

    /// A piece of a task, or of an actor.
    struct Job {
        let job: UnownedJob
        /// Nil where it belongs to an actor.
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

/// Runs tasks on a reactor, as long as that lives.
///
/// Not the reactor itself: a task that ran as if it were isolated to an executor would be put into the queue anew
/// whenever it calls a function that is isolated to none, which is several times for each message.
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
