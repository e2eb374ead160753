import ConnectTo

/// A request of the other program, from the start of its handler to its answer.
///
/// `@unchecked Sendable`: what changes is guarded by the lock of the request's line, as in ``PendingCall``.
final class ServedCall: @unchecked Sendable {
    /// What the other side calls it.
    let id: UInt64
    /// What the line calls it.
    let key: UInt64
    let type: String
    let wantsMany: Bool
    let deadline: Deadline?
    let line: CallLine
    private let logEntry: CallLogEntry?

    // Guarded by the line's lock, as all that follows:
    private var task: Task<Void, Never>?
    private var hasBeenCancelled = false
    private(set) var hasBeenOverdue = false
    /// A stream's handler that waits until the other side takes more.
    private var waiter: UnsafeContinuation<Void, Never>?

    init(id: UInt64, key: UInt64, type: String, wantsMany: Bool, remaining: UInt32, line: CallLine) {
        self.id = id
        self.key = key
        self.type = type
        self.wantsMany = wantsMany
        self.line = line
        logEntry = .begin(.received, type: type, wantsMany: wantsMany, on: line)
        deadline = remaining == 0 ? nil : Deadline(inMilliseconds: remaining)
    }

    var isOverdue: Bool { line.withState { _ in hasBeenOverdue } }
    var isCancelled: Bool { line.withState { _ in hasBeenCancelled } }

    /// The handler's task, which a cancel ends; it may have been cancelled already.
    func run(in task: Task<Void, Never>) {
        let isCancelled = line.withState { _ in
            self.task = task
            return hasBeenCancelled
        }
        if isCancelled { task.cancel() }
    }

    /// The answer is no longer wanted.
    func cancel() {
        typealias Waiting = (task: Task<Void, Never>?, waiter: UnsafeContinuation<Void, Never>?)
        let (task, waiter): Waiting = line.withState { _ in
            hasBeenCancelled = true
            return (self.task, takeWaiter())
        }
        task?.cancel()
        waiter?.resume()
    }

    /// The line has ended, so that the handler's answer would reach nobody.
    func lineEnded() {
        cancel()
        logEntry?.write(id: id, outcome: CallError.Code.lineEnded.rawValue)
    }

    /// The time is over.
    func endTime() {
        line.withState { _ in hasBeenOverdue = true }
        cancel()
    }

    // MARK: Answering

    /// Answers. A second answer, and one on a line that has ended, is dropped.
    ///
    /// - Returns: why the port does not take the answer; then the request has failed with that.
    @discardableResult
    func answer(_ payload: OutgoingMessage?) -> CallError? {
        let compressed = line.compressed(payload)
        let (isFirst, refusal): (Bool, PortError?) = line.withState { state in
            guard let call = state.served.answer(key) else { return (false, nil) }
            let gives = call.keepsPlace ? CallLine.GivenBack.nothing : .place
            let refusal = state.reply(
                .result(id: id, keepsPlace: call.keepsPlace), payload, compressed: compressed, giving: gives, on: line)
            if let refusal {
                let failure = Envelope.Operation.failure(
                    id: id, code: CallError.Code.handlerFailed.rawValue,
                    text: "the answer cannot be sent: \(refusal.message)", keepsPlace: call.keepsPlace)
                state.reply(failure, giving: gives, on: line)
            }
            return (true, refusal)
        }
        let outcome = refusal == nil ? "result" : CallError.Code.handlerFailed.rawValue
        if isFirst { logEntry?.write(id: id, outcome: outcome) }
        return refusal.map { .refused($0) }
    }

    /// Answers with a failure.
    func fail(_ failure: CallFailure) {
        let compressed = line.compressed(failure.details)
        let isFirst = line.withState { state in
            guard let call = state.served.answer(key) else { return false }
            // A code of another length has no place in an envelope.
            let code = (1...255).contains(failure.code.rawValue.utf8.count) ? failure.code : .handlerFailed
            let operation = Envelope.Operation.failure(
                id: id, code: code.rawValue, text: failure.message, keepsPlace: call.keepsPlace)
            let gives = call.keepsPlace ? CallLine.GivenBack.nothing : .place
            // Without details that cannot be sent the failure is still one.
            if state.reply(operation, failure.details, compressed: compressed, giving: gives, on: line) != nil {
                state.reply(operation, giving: gives, on: line)
            }
            return true
        }
        if isFirst { logEntry?.write(id: id, outcome: failure.code.rawValue) }
    }

    /// Answers with what a handler has thrown.
    func fail(_ error: any Error) {
        switch error {
        case let failure as CallFailure:
            fail(failure)
        case is CancellationError where isOverdue:
            fail(CallFailure(.timedOut, "the time for the request \(type) is over"))
        case is CancellationError where isCancelled:
            fail(CallFailure(.cancelled, "the request \(type) was given up"))
        case let error as CallError where error.code == .invalidPayload:
            fail(CallFailure(.invalidPayload, error.message))
        default:
            fail(CallFailure(.handlerFailed, "\(error)"))
        }
    }

    /// The handler waits for an answer of its own: another request may take its place.
    func givePlaceBack() {
        line.withState { state in
            guard state.served.givePlaceBack(key) else { return }
            state.reply(.grant(.places(1)), giving: .place, on: line)
        }
    }

    // MARK: Streams

    /// Sends an element, and waits until the other side takes more if it must.
    ///
    /// - Returns: whether the element was sent; false where nothing is wanted any more.
    /// - Throws: ``CallError`` with ``CallError/Code/notEncodable`` where the port does not take the element. The stream
    ///   goes on.
    func send(_ element: OutgoingMessage?) async throws(CallError) -> Bool {
        let compressed = line.compressed(element)
        // Also at the deadline, of which the caller says nothing where it stands still.
        while !isCancelled {
            typealias Outcome = (permission: CallsServed<ServedCall>.ElementPermission, refusal: PortError?)
            let outcome: Outcome = line.withState { state in
                // However much the other side grants, no more waits here than the port takes.
                if !state.overflow.isEmpty { return (state.served.isCancelled(key) ? .ended : .wait, nil) }
                let permission = state.served.sendElement(key)
                guard permission == .send else { return (permission, nil) }
                let refusal = state.reply(.element(id: id), element, compressed: compressed, on: line)
                if refusal != nil { state.served.takeElementBack(key) }
                return (permission, refusal)
            }
            if let refusal = outcome.refusal { throw .refused(refusal) }
            switch outcome.permission {
            case .send: return true
            case .ended: return false
            case .wait: await waitForWindow()
            }
        }
        return false
    }

    private func waitForWindow() async {
        await withUnsafeContinuation { continuation in
            let mustWait = line.withState { state in
                // A grant needs the line's lock, as the port's taking of what waits does, so none can come between
                // this look and the waiter.
                let isFull = state.served.hasNoWindow(key) || !state.overflow.isEmpty
                guard isFull, !hasBeenCancelled else { return false }
                waiter = continuation
                return true
            }
            if !mustWait { continuation.resume() }
        }
    }

    /// The other side takes more elements.
    func resume() {
        line.withState { _ in takeWaiter() }?.resume()
    }

    private func takeWaiter() -> UnsafeContinuation<Void, Never>? {
        defer { waiter = nil }
        return waiter
    }
}
