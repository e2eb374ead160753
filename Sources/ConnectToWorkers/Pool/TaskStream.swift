import ConnectTo
public import ConnectToMessaging

/// The answers of a task that has many: see ``WorkerPool/stream(_:_:within:queued:)->TaskStream<Element>``.
public struct TaskStream<Element: Decodable & Sendable>: AsyncSequence, Sendable {
    public typealias Failure = CallError

    let payloads: TaskPayloads

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(payloads: payloads.makeAsyncIterator())
    }

    /// Submits the task when the first element is taken.
    public struct AsyncIterator: AsyncIteratorProtocol {
        var payloads: TaskPayloads.AsyncIterator

        /// The next answer; nil behind the last one.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(CallError) -> Element? {
            try await payloads.next(isolation: actor)?.decode(Element.self)
        }
    }
}

/// The answers of a task that has many, of a type that is known only now.
public struct TaskPayloads: AsyncSequence, Sendable {
    public typealias Element = Payload
    public typealias Failure = CallError

    let core: PoolCore
    let type: String
    let payload: OutgoingMessage?
    let limit: Duration?
    let queueLimit: Duration?

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(request: self)
    }

    /// Cancels the task when the loop is left.
    private final class Hold: Sendable {
        let core: PoolCore
        let task: PoolTask

        init(_ task: PoolTask, in core: PoolCore) {
            self.core = core
            self.task = task
        }

        deinit {
            core.cancel(task.id)
        }
    }

    /// Submits the task when the first element is taken.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private let request: TaskPayloads
        private var hold: Hold?

        init(request: TaskPayloads) {
            self.request = request
        }

        /// The next answer; nil behind the last one.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(CallError) -> Payload? {
            if hold == nil { hold = try submit() }
            guard let (core, task) = hold.map({ ($0.core, $0.task) }) else { return nil }
            let result: Result<Payload?, CallError> = await withTaskCancellationHandler {
                do throws(CallError) {
                    return .success(try await task.request.next())
                } catch {
                    return .failure(error)
                }
            } onCancel: {
                core.cancel(task.id)
            }
            switch result {
            case .success(let payload): return payload
            case .failure(let error): throw await task.explained(error)
            }
        }

        private func submit() throws(CallError) -> Hold {
            let task = try PoolTask(
                request.type, request.payload, wantsMany: true, within: request.limit, queued: request.queueLimit,
                in: request.core)
            try request.core.submit(task, refusesIfFull: false)
            return Hold(task, in: request.core)
        }
    }
}
