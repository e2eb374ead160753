import ConnectToLinux
public import ConnectToMessaging

/// A worker of a pool has come or gone.
public enum WorkerEvent: Sendable {
    /// The pool starts the worker of this number.
    case started(Int)
    /// A worker takes tasks.
    case ready(PooledWorker)
    /// The worker of this number could not be started. The error's ``ConnectToMessaging/CallError/workerExit`` says what
    /// it has written, if it was there at all.
    case failed(Int, CallError)
    /// The process of a worker has exited: because the pool has ended it, or by itself (``WorkerExit``).
    case exited(PooledWorker, WorkerExit)
    /// Too many starts in a row have failed, so that the pool starts no more workers until ``WorkerPool/reset()``.
    case broken(CallError)

    /// The number of the worker; nil for the pool itself.
    public var worker: Int? {
        switch self {
        case .started(let number), .failed(let number, _): number
        case .ready(let worker), .exited(let worker, _): worker.number
        case .broken: nil
        }
    }
}

/// The workers of a pool when a loop begins, and then each that comes or goes: see ``WorkerPool/events``.
public struct WorkerEvents: AsyncSequence, Sendable {
    public typealias Element = WorkerEvent
    public typealias Failure = Never

    let board: EventBoard

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(subscription: Subscription(board: board))
    }

    /// Ends with the iterator.
    final class Subscription: Sendable {
        let board: EventBoard
        let queue: WorkerEventQueue

        init(board: EventBoard) {
            self.board = board
            queue = board.beginLoop()
        }

        deinit {
            board.endLoop(queue)
        }
    }

    /// Takes one event after the other.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let subscription: Subscription

        /// The next event; nil once the pool is closed and its last worker has exited, and where the task is cancelled.
        public mutating func next() async -> WorkerEvent? { await subscription.queue.next() }

        /// The same, without leaving the actor.
        public mutating func next(isolation actor: isolated (any Actor)?) async -> WorkerEvent? {
            await subscription.queue.next(isolation: actor)
        }
    }
}
