import ConnectTo
import ConnectToLinux
import ConnectToMessaging
import Logging

/// What a ``WorkerPool`` does, as long as it has tasks or workers: it asks the ``Scheduler`` what is to be done, and does
/// it.
///
/// All tables stand under one lock. Nothing is done under it: what the scheduler wants is carried out behind it, by the
/// thread that has brought the news. So the loop that reads an answer sends the worker its next task at once.
final class PoolCore: Sendable {
    struct State {
        var scheduler: Scheduler
        var tasks: [Scheduler.TaskID: PoolTask] = [:]
        var workers: [Scheduler.WorkerID: PoolWorker] = [:]
        /// Why the last start has failed.
        var lastFailure: CallError?
        /// When the timer fires; nil where there is none.
        var wakesAt: Scheduler.Instant?
        var timer: EventLoop.Timer?
        var load = PoolMetrics.Load()
    }

    /// An action of the scheduler, with what it concerns.
    private enum Step {
        case start(PoolWorker)
        case send(PoolTask, PoolWorker)
        case fail(PoolTask, Scheduler.Failure, lastStart: CallError?)
        case end(PoolWorker)
        case kill(PoolWorker)
        case tell(WorkerEvent)
        case finish
    }

    let program: WorkerProgram
    let limits: WorkerLimits
    let handlers: Handlers
    let options: MessengerOptions
    let log: PoolLog
    let events = EventBoard()
    /// Set when the pool is closed, and its last worker has exited.
    let closed = Latch<Void>()
    private let state: Lock<State>

    init(
        _ program: WorkerProgram, limits: WorkerLimits, handlers: Handlers, options: MessengerOptions, logger: Logger?
    ) {
        self.program = program
        self.limits = limits.sensible
        self.handlers = handlers
        self.options = options
        log = PoolLog(logger)
        state = Lock(State(scheduler: Scheduler(limits: limits)))
    }

    func withState<Result>(_ body: (inout sending State) -> sending Result) -> sending Result {
        state.withLock(body)
    }

    // MARK: News

    /// Tells the scheduler what has happened, and does what it wants.
    func update(_ news: (inout State, _ now: Scheduler.Instant) -> [Scheduler.Action]) {
        let now = Scheduler.Instant.now
        let (steps, timer) = state.withLock { state in
            let wasBroken = state.scheduler.state == .broken
            let actions = news(&state, now)
            var steps = actions.compactMap { step($0, &state, at: now) }
            if !wasBroken, state.scheduler.state == .broken {
                steps.append(.tell(.broken(error(.broken, lastStart: state.lastFailure))))
            }
            state.load.update(state.scheduler)
            return (steps, state.setTimer(of: self, at: now))
        }
        timer?.cancel()
        for step in steps { perform(step) }
    }

    func submit(_ task: PoolTask, refusesIfFull: Bool) throws(CallError) {
        var refusal: CallError?
        update { state, now in
            do throws(Scheduler.Refusal) {
                state.tasks[task.id] = task
                return try state.scheduler.submit(
                    task.id, refusesIfFull: refusesIfFull, waitingUntil: task.waitsUntil, at: now)
            } catch {
                state.tasks[task.id] = nil
                refusal = self.error(error, lastStart: state.lastFailure)
                return []
            }
        }
        if let refusal {
            task.request.giveUp(refusal)
            throw refusal
        }
    }

    func cancel(_ task: Scheduler.TaskID) {
        update { state, now in state.scheduler.cancel(task, at: now) }
    }

    /// Something has become of a task's request; often on the loop.
    func task(_ id: Scheduler.TaskID, did change: DeferredRequest.Change) {
        let (task, worker) = state.withLock { state in
            let task = state.tasks[id]
            return (task, task?.worker)
        }
        guard let task, let worker else {
            // It has ended before it was sent.
            if change == .done { withState { _ = $0.tasks.removeValue(forKey: id) } }
            return
        }
        guard change == .done else {
            return update { state, now in state.scheduler.didGiveUp(id, by: worker.id, at: now) }
        }
        let isOver = worker.process?.messenger.closeReason != nil
        let isTooLarge = !isOver && worker.usesMore(than: limits.memory)
        update { state, now in
            state.tasks[id] = nil
            if let sentAt = task.sentAt { PoolMetrics.didEndTask(after: sentAt.duration(to: now)) }
            // First: a worker whose line has ended is not to get the next task.
            var actions = isOver ? state.scheduler.lineDidEnd(of: worker.id, at: now) : []
            actions += state.scheduler.didEnd(id, by: worker.id, usesTooMuchMemory: isTooLarge, at: now)
            return actions
        }
    }

    // MARK: Doing

    private func perform(_ step: Step) {
        switch step {
        case .start(let worker):
            worker.keepStart(Task { await run(worker) })
        case .send(let task, let worker):
            if let messenger = worker.process?.messenger, task.request.send(on: messenger, within: task.limit) {
                return
            }
            update { state, now in
                task.worker = nil
                return state.scheduler.didReturn(task.id, by: worker.id, waitingUntil: task.waitsUntil, at: now)
            }
        case .fail(let task, let failure, let lastStart):
            task.request.giveUp(error(failure, of: task, lastStart: lastStart))
        case .end(let worker):
            let grace = limits.grace
            Task { await worker.process?.terminate(grace: grace) }
        case .kill(let worker):
            worker.kill()
        case .tell(let event):
            events.post(event)
        case .finish:
            closed.set()
            events.end()
        }
    }

    /// Starts a worker, and waits for its exit.
    private func run(_ worker: PoolWorker) async {
        events.post(.started(worker.id))
        let process: WorkerProcess
        do throws(CallError) {
            process = try await WorkerProcess.start(program, handlers: handlers, options: options)
        } catch {
            return didFailToStart(worker, error)
        }
        worker.hasStarted(process)
        let info = PooledWorker(number: worker.id, processID: process.processID)
        log.didStart(info)
        PoolMetrics.didStart()
        events.post(.ready(info))
        update { state, now in state.scheduler.didBecomeReady(worker.id, at: now) }
        let exit = await process.waitUntilExited()
        didExit(worker, info, exit)
    }

    private func didFailToStart(_ worker: PoolWorker, _ error: CallError) {
        log.didFailToStart(worker.id, error)
        PoolMetrics.didFailToStart()
        events.post(.failed(worker.id, error))
        update { state, now in
            state.workers[worker.id] = nil
            // What the pool itself has broken off says nothing of the program.
            if state.scheduler[worker.id]?.phase == .starting { state.lastFailure = error }
            return state.scheduler.didFailToStart(worker.id, at: now)
        }
    }

    private func didExit(_ worker: PoolWorker, _ info: PooledWorker, _ exit: WorkerExit) {
        let wasTold = withState { $0.scheduler[worker.id].map { $0.phase == .ending && !$0.hasFailed } ?? true }
        if !wasTold { PoolMetrics.didCrash() }
        log.didExit(info, exit, wasTold: wasTold)
        events.post(.exited(info, exit))
        update { state, now in
            state.workers[worker.id] = nil
            if state.scheduler[worker.id]?.sentTasks == 0, !wasTold {
                state.lastFailure = CallError(
                    .workerNotStarted, "a worker has exited before its first task: \(exit)", cause: exit)
            }
            return state.scheduler.didExit(worker.id, at: now)
        }
    }

    private func step(_ action: Scheduler.Action, _ state: inout State, at now: Scheduler.Instant) -> Step? {
        switch action {
        case .start(let id):
            let worker = PoolWorker(id)
            state.workers[id] = worker
            return .start(worker)
        case .send(let id, let worker):
            guard let task = state.tasks[id], let worker = state.workers[worker] else { return nil }
            task.worker = worker
            task.sentAt = now
            return .send(task, worker)
        case .fail(let id, let failure):
            return state.tasks[id].map { .fail($0, failure, lastStart: state.lastFailure) }
        case .end(let id): return state.workers[id].map { .end($0) }
        case .kill(let id): return state.workers[id].map { .kill($0) }
        case .finish: return .finish
        }
    }
}

extension PoolCore.State {
    /// Has the pool look again when time alone changes something.
    ///
    /// A timer that is too early stays: setting it anew for each task would cost more than one wake-up for nothing.
    ///
    /// - Returns: a timer that is to be cancelled, outside of the lock.
    fileprivate mutating func setTimer(of core: PoolCore, at now: Scheduler.Instant) -> EventLoop.Timer? {
        guard let next = scheduler.nextDeadline else { return nil }
        if let wakesAt, wakesAt <= next { return nil }
        let old = timer
        wakesAt = next
        timer = nil
        let delay = now.duration(to: next)
        let wakeUp: @Sendable () -> Void = { [weak core] in
            core?.update { state, now in
                state.wakesAt = nil
                state.timer = nil
                return state.scheduler.timeDidPass(at: now)
            }
        }
        if let loop = try? EventLoop.shared {
            timer = loop.schedule(after: delay, wakeUp)
        } else {
            // The process has no descriptors left for the loop. A start that fails because of it is repeated.
            Task {
                try? await Task.sleep(for: delay)
                wakeUp()
            }
        }
        return old
    }
}
