public import ConnectTo

extension Messenger {
    /// Asks the other program, and waits for its answer.
    ///
    /// - Parameter limit: how long to wait in all; 5 s if not set, and never longer than a handler has that asks in
    ///   turn.
    /// - Throws: ``CallError``.
    public func request<Query, Answer>(
        _ request: Request<Query, Answer>, _ query: Query, within limit: Duration? = .seconds(5)
    ) async throws(CallError) -> Answer {
        let payload = try OutgoingMessage.payload(query)
        return try await ask(request.type, payload, within: limit).decode()
    }

    /// Asks the other program a question without a payload.
    public func request<Answer>(
        _ request: Request<NoPayload, Answer>, within limit: Duration? = .seconds(5)
    ) async throws(CallError) -> Answer {
        try await ask(request.type, nil, within: limit).decode()
    }

    /// Asks the other program a question of a type that is known only now.
    public func request(
        _ type: String, _ payload: OutgoingMessage? = nil, within limit: Duration? = .seconds(5)
    ) async throws(CallError) -> Payload {
        try await ask(type, payload, within: limit)
    }

    /// Waits until the other program has started the handlers of everything that was sent before.
    public func barrier(within limit: Duration? = .seconds(5)) async throws(CallError) {
        _ = try await run(PendingCall(type: "", payload: nil, wantsMany: false, deadline: Self.deadline(limit)))
    }

    /// Asks for many answers.
    ///
    /// Nothing is sent before the first element is taken. Leaving the loop cancels the other program's handler. At
    /// most sixteen elements wait here; the other program's handler waits then.
    public func stream<Query, Element>(
        _ request: StreamRequest<Query, Element>, _ query: Query, within limit: Duration? = nil
    ) throws(CallError) -> CallStream<Element> {
        try Self.check(request.type)
        return CallStream(line: line, type: request.type, payload: try .payload(query), limit: limit)
    }

    private func ask(
        _ type: String, _ payload: OutgoingMessage?, within limit: Duration?
    ) async throws(CallError) -> Payload {
        try Self.check(type)
        return try await run(
            PendingCall(type: type, payload: payload, wantsMany: false, deadline: Self.deadline(limit)))
    }

    private func run(_ call: PendingCall) async throws(CallError) -> Payload {
        CallContext.current?.call?.givePlaceBack()
        switch await line.next(of: call, isFirst: true) {
        case .result(let payload), .element(let payload): return payload
        case .failed(let error): throw error
        }
    }

    /// The earlier of a limit and the deadline of the handler that runs in this task.
    static func deadline(_ limit: Duration?) -> SuspendingClock.Instant? {
        let own = limit.map { SuspendingClock.now.advanced(by: $0) }
        let inherited = CallContext.current?.call?.deadline
        if let own, let inherited { return min(own, inherited) }
        return own ?? inherited
    }

    static func check(_ type: String) throws(CallError) {
        guard (1...255).contains(type.utf8.count) else {
            throw CallError(
                .notEncodable, "a type has 1 to 255 bytes, and \"\(type.prefix(40))\" has \(type.utf8.count)")
        }
    }
}

extension CallLine {
    /// Waits for what comes next of a request; gives it up where the task is cancelled.
    func next(of call: PendingCall, isFirst: Bool) async -> PendingCall.Progress {
        await withTaskCancellationHandler {
            if isFirst { start(call) }
            return await call.next()
        } onCancel: {
            giveUp(call, .cancelled, "the task that waited for \(call.type) was cancelled")
        }
    }
}

/// The answers of a request for many: see ``Messenger/stream(_:_:within:)``.
public struct CallStream<Element: Decodable & Sendable>: AsyncSequence, Sendable {
    public typealias Failure = CallError

    let line: CallLine
    let type: String
    let payload: OutgoingMessage?
    let limit: Duration?

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(
            hold: Hold(
                line: line,
                call: PendingCall(
                    type: type, payload: payload, wantsMany: true, deadline: Messenger.deadline(limit))))
    }

    /// Gives the request up when the loop is left.
    final class Hold: Sendable {
        let line: CallLine
        let call: PendingCall

        init(line: CallLine, call: PendingCall) {
            self.line = line
            self.call = call
        }

        deinit {
            line.giveUp(call, .cancelled, "the loop over \(call.type) was left")
        }
    }

    public struct AsyncIterator: AsyncIteratorProtocol {
        let hold: Hold
        private var hasStarted = false
        private var hasEnded = false
        private var taken: UInt32 = 0

        init(hold: Hold) {
            self.hold = hold
        }

        /// The next answer; nil behind the last one.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(CallError) -> Element? {
            if hasEnded { return nil }
            if !hasStarted { CallContext.current?.call?.givePlaceBack() }
            defer { hasStarted = true }
            switch await hold.line.next(of: hold.call, isFirst: !hasStarted) {
            case .element(let payload):
                taken += 1
                if taken == CallsMade<Void>.firstElements / 2 {
                    hold.line.grantElements(taken, to: hold.call)
                    taken = 0
                }
                return try payload.decode()
            case .result(let payload):
                hasEnded = true
                return payload.kind == nil ? nil : try payload.decode()
            case .failed(let error):
                hasEnded = true
                throw error
            }
        }
    }
}
