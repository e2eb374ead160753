public import ConnectTo
import ConnectToLinux
public import ConnectToMessaging
public import Logging

/// Workers that do tasks: processes that are started when they are needed, used again, and replaced when they crash.
///
/// ```swift
/// let pool = WorkerPool(.executable("thumbnail-worker"), limits: WorkerLimits(maximum: 4))
/// let thumbnail = try await pool.run(Thumbnails.render, image, within: .seconds(10))
/// ```
///
/// **A task** is a request to a worker, which answers it with a handler (``Worker``). Tasks wait in the order in which
/// they came; the oldest goes to the worker that was used last among those that are free.
///
/// **A crash** ends the tasks of that worker with `workerCrashed` and the way in which it has exited
/// (``ConnectToMessaging/CallError/workerExit``), and no others. The pool does no task twice: only the program knows
/// whether that may be. Another worker is started as soon as a task needs it.
///
/// **Cancelling** the Swift task that waits takes a task out of the queue, or tells the worker, whose handler is
/// cancelled. A worker that goes on nevertheless is killed after ``WorkerLimits/grace``, and it alone.
///
/// **Workers that cannot be started** are tried again after a pause, which doubles each time, one at a time. After
/// ``WorkerLimits/failedStarts`` in a row the pool is broken, and all tasks end with `poolBroken` until ``reset()``.
///
/// **Dropping** the pool ends all tasks with `poolClosed` and kills all workers. Use ``drain(within:)`` or
/// ``terminate()`` to let them end in order.
///
/// Everything here can be called from any thread. A pool that has nothing to do wakes no thread.
public final class WorkerPool: CallHandling {
    let core: PoolCore

    /// What answers the requests of workers and hears their events. ``worker(of:)`` says which worker it is.
    public var handlers: Handlers { core.handlers }

    /// Makes a pool. It starts ``WorkerLimits/minimum`` workers at once, and others when tasks come.
    ///
    /// - Parameters:
    ///   - program: what a worker runs.
    ///   - limits: how many workers there are, what waits for them, and when they are replaced.
    ///   - handlers: what answers the requests of workers and hears their events.
    ///   - options: how the lines to the workers are treated.
    ///   - logger: where the pool logs starts and exits of workers (at debug level), and failed starts and crashes
    ///     (as warnings); nowhere if nil. The tasks are logged by `options`' own logger.
    public init(
        _ program: WorkerProgram, limits: WorkerLimits = WorkerLimits(), handlers: Handlers = Handlers(),
        options: MessengerOptions = MessengerOptions(), logger: Logger? = nil
    ) {
        core = PoolCore(program, limits: limits, handlers: handlers, options: options, logger: logger)
        core.update { state, now in state.scheduler.decide(at: now) }
    }

    deinit {
        core.update { state, now in state.scheduler.abandon(at: now) }
    }

    // MARK: Workers

    /// The workers that are there when a loop begins, as ``WorkerEvent/started(_:)`` or ``WorkerEvent/ready(_:)``, and
    /// then everything that happens to one.
    ///
    /// Nothing is missed in between, and the events of one worker come in their order. The loop ends when the pool is
    /// closed and its last worker has exited, and when its task is cancelled. Any number of tasks may take the events,
    /// each at its own pace. A loop does not keep the pool.
    ///
    /// A slow loop misses nothing as long as fewer than 4,096 events wait for it. Above that it does not hear of workers
    /// that have come and gone meanwhile, and still hears of each that is there, and of the end of each that it knew.
    public var events: WorkerEvents { WorkerEvents(board: core.events) }

    /// The workers that are ready, in the order of their starts.
    public var workers: [PooledWorker] { core.readyWorkers.compactMap(\.info) }

    /// The worker from which a handler's request or event has come; nil where it is none of this pool, or gone.
    public func worker(of context: CallContext) -> PooledWorker? {
        guard let messenger = context.messenger else { return nil }
        return core.allWorkers.first { $0.process?.messenger === messenger }?.info
    }

    /// A worker that did not get an event, and why.
    public struct Skipped: Sendable {
        /// The worker that was skipped.
        public let worker: PooledWorker
        /// `queueFull` where it takes events too slowly, `lineEnded` where it has just gone.
        public let error: CallError
    }

    /// Tells all workers something that are ready now. Never waits. Workers that are started later do not hear it.
    ///
    /// A worker hears it behind the tasks that it was sent before.
    ///
    /// - Returns: the workers that were skipped, and why; empty where all took it.
    /// - Throws: ``ConnectToMessaging/CallError`` with `notEncodable`.
    @discardableResult
    public func broadcast<Content>(_ event: Event<Content>, _ content: Content) throws(CallError) -> [Skipped] {
        try broadcast(event.type, try .payload(content))
    }

    /// Tells all workers something of a type that is known only now.
    ///
    /// - Throws: ``ConnectToMessaging/CallError`` with `notEncodable`, also for a payload that transfers
    ///   something, which only one worker could take.
    @discardableResult
    public func broadcast(_ type: String, _ payload: OutgoingMessage? = nil) throws(CallError) -> [Skipped] {
        if let payload, !payload.transfer.isEmpty {
            throw CallError(.notEncodable, "a broadcast of \(type) transfers nothing: only one worker could take it")
        }
        var skipped: [Skipped] = []
        for worker in core.readyWorkers {
            guard let messenger = worker.process?.messenger, let info = worker.info else { continue }
            do throws(CallError) {
                if try messenger.post(type, payload) { continue }
                skipped.append(Skipped(worker: info, error: CallError(.lineEnded, "the worker has just gone")))
            } catch {
                guard error.code == .queueFull else { throw error }
                skipped.append(Skipped(worker: info, error: error))
            }
        }
        return skipped
    }

    // MARK: Ending

    /// Starts workers again, after too many starts have failed. Does nothing where the pool is not broken.
    public func reset() {
        core.update { state, now in state.scheduler.reset(at: now) }
    }

    /// Takes no more tasks, waits until those that are here have ended, and ends all workers.
    ///
    /// After the limit tasks that wait are dropped and those that run are cancelled; each ends with
    /// `poolClosed`. Workers are told to end (SIGTERM), and what is left after ``WorkerLimits/grace`` is killed. The
    /// function returns when the last process has exited, or at once where the waiting task is cancelled; the draining
    /// goes on then.
    ///
    /// Called a second time it waits for the same end, at the earlier one of the two limits.
    ///
    /// - Parameter limit: how long the tasks may take.
    public func drain(within limit: Duration) async {
        let core = core
        core.update { state, now in state.scheduler.drain(until: now + limit, at: now) }
        _ = await core.closed.wait()
    }

    /// Ends all tasks with `poolClosed` and all workers, as ``drain(within:)`` without patience.
    public func terminate() async {
        await drain(within: .zero)
    }
}

extension PoolCore {
    fileprivate var allWorkers: [PoolWorker] { withState { Array($0.workers.values) } }

    fileprivate var readyWorkers: [PoolWorker] {
        withState { state in
            state.scheduler.workers.filter { $0.phase == .ready }.compactMap { state.workers[$0.id] }
        }
    }
}
