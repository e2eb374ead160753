public import ConnectTo
public import ConnectToMessaging

extension WorkerPool {
    /// Has a worker do a task, and waits for its answer.
    ///
    /// Where all workers are busy it waits for one, behind all tasks that have come before. Where ``WorkerLimits/queue``
    /// tasks wait already it waits for room behind them, in the same order.
    ///
    /// - Parameters:
    ///   - request: which task it is.
    ///   - query: what the worker gets.
    ///   - limit: how long it may run, from its sending to a worker on; as long as it takes if nil.
    ///   - queueLimit: how long it may wait for a worker; as long as it takes if nil. Where a handler runs a task, both
    ///     end with the time that the handler has.
    /// - Throws: ``ConnectToMessaging/CallError``: what the worker's handler has thrown; `workerCrashed`; `timedOut`, with
    ///   the stage `waiting` where it has waited too long, and `sent` where it has run too long; `cancelled`;
    ///   `poolBroken`; `poolClosed`.
    public nonisolated(nonsending) func run<Query, Answer>(
        _ request: Request<Query, Answer>, _ query: Query, within limit: Duration? = nil,
        queued queueLimit: Duration? = nil
    ) async throws(CallError) -> Answer {
        try await run(request.type, try .payload(query), within: limit, queued: queueLimit).decode()
    }

    /// Has a worker do a task without a payload.
    public nonisolated(nonsending) func run<Answer>(
        _ request: Request<NoPayload, Answer>, within limit: Duration? = nil, queued queueLimit: Duration? = nil
    ) async throws(CallError) -> Answer {
        try await run(request.type, nil, within: limit, queued: queueLimit).decode()
    }

    /// Has a worker do a task of a type that is known only now.
    public nonisolated(nonsending) func run(
        _ type: String, _ payload: OutgoingMessage? = nil, within limit: Duration? = nil,
        queued queueLimit: Duration? = nil
    ) async throws(CallError) -> Payload {
        try await core.run(
            try PoolTask(type, payload, wantsMany: false, within: limit, queued: queueLimit, in: core),
            refusesIfFull: false)
    }

    /// Has a worker do a task, unless every worker is busy and ``WorkerLimits/queue`` tasks wait: otherwise as
    /// ``run(_:_:within:queued:)-(Request<Query,Answer>,_,_,_)``.
    ///
    /// - Throws: ``ConnectToMessaging/CallError``, also with `queueFull`.
    public nonisolated(nonsending) func tryRun<Query, Answer>(
        _ request: Request<Query, Answer>, _ query: Query, within limit: Duration? = nil,
        queued queueLimit: Duration? = nil
    ) async throws(CallError) -> Answer {
        try await tryRun(request.type, try .payload(query), within: limit, queued: queueLimit).decode()
    }

    /// Has a worker do a task of a type that is known only now, unless too many tasks wait.
    public nonisolated(nonsending) func tryRun(
        _ type: String, _ payload: OutgoingMessage? = nil, within limit: Duration? = nil,
        queued queueLimit: Duration? = nil
    ) async throws(CallError) -> Payload {
        try await core.run(
            try PoolTask(type, payload, wantsMany: false, within: limit, queued: queueLimit, in: core),
            refusesIfFull: true)
    }

    /// Has a worker do a task with many answers: progress, or parts of a result.
    ///
    /// The task is submitted when the first element is taken. Leaving the loop cancels it, as does dropping it before
    /// it has been sent. At most sixteen answers wait here; the worker's handler waits then. A loop does not keep the
    /// pool.
    ///
    /// - Throws: ``ConnectToMessaging/CallError`` with `notEncodable`; the loop throws the same errors as
    ///   ``run(_:_:within:queued:)-(Request<Query,Answer>,_,_,_)``.
    public func stream<Query, Element>(
        _ request: StreamRequest<Query, Element>, _ query: Query, within limit: Duration? = nil,
        queued queueLimit: Duration? = nil
    ) throws(CallError) -> TaskStream<Element> {
        TaskStream(payloads: stream(request.type, try .payload(query), within: limit, queued: queueLimit))
    }

    /// Has a worker do a task with many answers, of a type that is known only now.
    public func stream(
        _ type: String, _ payload: OutgoingMessage? = nil, within limit: Duration? = nil,
        queued queueLimit: Duration? = nil
    ) -> TaskPayloads {
        TaskPayloads(core: core, type: type, payload: payload, limit: limit, queueLimit: queueLimit)
    }
}

extension PoolCore {
    fileprivate nonisolated(nonsending) func run(
        _ task: PoolTask, refusesIfFull: Bool
    ) async throws(CallError) -> Payload {
        try submit(task, refusesIfFull: refusesIfFull)
        let result: Result<Payload, CallError> = await withTaskCancellationHandler {
            do throws(CallError) {
                return .success(try await task.request.answer())
            } catch {
                return .failure(error)
            }
        } onCancel: {
            cancel(task.id)
        }
        switch result {
        case .success(let payload): return payload
        case .failure(let error): throw await task.explained(error)
        }
    }
}
