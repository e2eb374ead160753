public import ConnectTo
import ConnectToLinux

/// A request that is made before it is known on which line it will be sent: for a queue in front of several programs,
/// of which the first that is free gets it.
///
/// ```swift
/// let request = try DeferredRequest("render", .encoding(image))
/// waiting.append(request)
/// let thumbnail = try await request.answer()          // here a task waits for the answer
///
/// waiting.removeFirst().send(on: worker)              // and there a worker is free
/// ```
///
/// It is sent once. What asks learns how the request ends. What sends learns more, by `onChange`: when the other program
/// is done with the request, also with one that was given up, and so can be given the next.
///
/// Made in a handler, a request inherits the handler's deadline, as any request does. Everything here can be called from
/// any thread, and nothing but ``answer()`` and ``next()`` waits.
public final class DeferredRequest: Sendable {
    /// What becomes of a request.
    public enum Change: Sendable, Hashable {
        /// It has ended here, by its deadline or because it was given up; the other program was told to stop, and may
        /// still work on it.
        case givenUp
        /// The other program has no more to do for it: it has answered, the line is over, or the request was never sent.
        case done
    }

    private typealias Waiter = UnsafeContinuation<PendingCall.Progress?, Never>

    private struct State {
        /// Where it was sent; nil before, and after its end.
        var sent: (line: CallLine, call: PendingCall)?
        /// It has ended, or was given up.
        var isSettled = false
        /// The end, until a task waits for it.
        var end: PendingCall.Progress?
        var waiter: Waiter?
        /// How many elements of a stream were taken, and not granted again.
        var taken: UInt32 = 0
        /// The last answer has been taken.
        var isOver = false

        mutating func takeWaiter() -> Waiter? {
            defer { waiter = nil }
            return waiter
        }
    }

    /// The type on the wire.
    public let type: String
    private let payload: OutgoingMessage?
    private let wantsMany: Bool
    private let deadline: Deadline?
    private let onChange: (@Sendable (Change) -> Void)?
    private let state = Lock(State())

    /// Makes a request of a type that is known only now.
    ///
    /// - Parameters:
    ///   - type: the name on the wire: 1 to 255 bytes of UTF-8.
    ///   - payload: the question.
    ///   - wantsMany: whether it is answered with a stream: then ``next()`` takes the answers.
    ///   - onChange: called where it happens, often on the loop, so it must not block; before the task goes on that waits
    ///     for the answer. `done` comes once in any case, and `givenUp` at most once, before it.
    /// - Throws: ``CallError`` with ``CallError/Code/notEncodable`` for a type that is no name.
    public init(
        _ type: String, _ payload: OutgoingMessage? = nil, wantsMany: Bool = false,
        onChange: (@Sendable (Change) -> Void)? = nil
    ) throws(CallError) {
        self.type = try Messenger.name(type, to: nil)
        self.payload = payload
        self.wantsMany = wantsMany
        self.onChange = onChange
        deadline = Messenger.deadline(nil)
    }

    /// How much time the handler has in which the request was made; nil where it was made in none, or that has no limit.
    /// Less than zero once the time is over.
    public var remainingTime: Duration? { deadline?.timeLeft }

    /// Sends the request, unless it was given up or has been sent.
    ///
    /// - Parameters:
    ///   - messenger: to whom.
    ///   - limit: how long the answer may take from now on, and never longer than the handler has that made the
    ///     request; as long as it takes if nil.
    /// - Returns: false where the line is over: then nothing was sent, and the request may be sent on another line.
    @discardableResult
    public func send(on messenger: Messenger, within limit: Duration? = nil) -> Bool {
        let line = messenger.line
        let call = makeCall(for: line, within: limit)
        let isFirst = state.withLock { state in
            if state.sent != nil || state.isSettled { return false }
            state.sent = (line, call)
            return true
        }
        if !isFirst { return true }
        let isOpen = line.startUnlessOver(call)
        // One that was given up meanwhile has its end, and is not to be sent on another line.
        let isDone = state.withLock { state in
            if !isOpen, !state.isSettled { state.sent = nil }
            return isOpen || state.isSettled
        }
        // A task that takes a stream goes on, and waits on the line.
        if isDone, wantsMany { state.withLock { $0.takeWaiter() }?.resume(returning: nil) }
        return isDone
    }

    /// Ends the request with an error, if it has not ended. If it was sent, the other program is told to stop.
    public func giveUp(_ error: CallError) {
        let (sent, isFirst) = state.withLock { state in
            defer { state.isSettled = true }
            return (state.sent, !state.isSettled)
        }
        if let (line, call) = sent {
            line.giveUp(call) { _ in error }
        } else if isFirst {
            onChange?(.done)
            receive(.failed(error))
        }
    }

    /// Waits for the answer. Only one task may wait, and once.
    ///
    /// Cancelling that task does not give the request up by itself: wait in a `withTaskCancellationHandler` that does.
    ///
    /// - Throws: ``CallError``.
    public nonisolated(nonsending) func answer() async throws(CallError) -> Payload {
        CallContext.current?.call?.givePlaceBack()
        switch await wait() {
        case .result(let payload), .element(let payload): return payload
        case .failed(let error): throw error
        case nil:
            throw CallError(.manyAnswers, "\(type) was made as a request for a stream: take its answers by next()")
        }
    }

    /// Waits for the next answer of a stream; nil behind the last one. Only one task may wait.
    ///
    /// At most sixteen answers wait here; the other program's handler waits then. Cancelling the task gives the request
    /// up once it has been sent, and not before.
    ///
    /// - Throws: ``CallError``.
    public nonisolated(nonsending) func next() async throws(CallError) -> Payload? {
        if state.withLock(\.isOver) { return nil }
        CallContext.current?.call?.givePlaceBack()
        var progress = await wait()
        if progress == nil, let (line, call) = state.withLock(\.sent) {
            progress = await line.next(of: call, isFirst: false)
            if case .element = progress { grantElements(to: call, on: line) }
        }
        switch progress {
        case .element(let payload): return payload
        case .result(let payload):
            state.withLock { $0.isOver = true }
            return payload.kind == nil ? nil : payload
        case .failed(let error):
            state.withLock { $0.isOver = true }
            throw error
        case nil: return nil
        }
    }

    // MARK: On the line

    private func makeCall(for line: CallLine, within limit: Duration?) -> PendingCall {
        var deadline = self.deadline
        if let own = limit.map({ Deadline(in: $0) }) { deadline = min(own, deadline ?? own) }
        // The answers of a stream are taken from the line.
        var onEnd: (@Sendable (PendingCall.Progress) -> Void)?
        if !wantsMany { onEnd = { [self] end in receive(end) } }
        return PendingCall(
            type: type, payload: payload, compressed: line.compressed(payload), wantsMany: wantsMany,
            deadline: deadline, onEnd: onEnd, onChange: onChange)
    }

    private func receive(_ end: PendingCall.Progress) {
        let (waiter, sent) = state.withLock { state in
            let waiter = state.takeWaiter()
            if waiter == nil { state.end = end }
            state.isSettled = true
            // The call holds this request, by what it does at its end.
            defer { state.sent = nil }
            return (waiter, state.sent)
        }
        withExtendedLifetime(sent) {}
        waiter?.resume(returning: end)
    }

    /// Waits for the end; of a stream until it has been sent, and then nil.
    private nonisolated(nonsending) func wait() async -> PendingCall.Progress? {
        await withUnsafeContinuation { continuation in
            let present: PendingCall.Progress?? = state.withLock { state in
                if let end = state.end { return .some(end) }
                if wantsMany, state.sent != nil { return .some(nil) }
                state.waiter = continuation
                return nil
            }
            if let present { continuation.resume(returning: present) }
        }
    }

    /// Lets the other program send more, when half of what it may send has been taken.
    private func grantElements(to call: PendingCall, on line: CallLine) {
        let granted: UInt32? = state.withLock { state in
            state.taken += 1
            guard state.taken == CallsMade<Void>.firstElements / 2 else { return nil }
            defer { state.taken = 0 }
            return state.taken
        }
        if let granted { line.grantElements(granted, to: call) }
    }
}
