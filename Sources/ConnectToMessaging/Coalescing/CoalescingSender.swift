import ConnectToLinux

/// Sends events of which only the newest counts: where the pointer is, how far a copy has come.
///
/// ```swift
/// let positions = messenger.coalescing(Dashboard.pointer)
/// positions.post(Point(x: 3, y: 4), key: "mouse")  // as often as one likes
/// try await positions.flush()  // the last position has been handled
/// ```
///
/// Of each key one value at a time is under way, until all of the other program's handlers of the event have returned
/// (``Messenger/send(_:_:to:within:)``). While they run, newer values of the key replace each other; then the newest is
/// sent. So a slow program handles fewer values, always the last one, and those of a key in their order. Values of
/// different keys are handled in any order.
///
/// It holds one value for each key that has not been handled: use as many keys as there are things, and not a new one
/// for each value. At most 16 values are under way at a time; other keys wait for their turn.
///
/// A value stays with the sender's errors where it could not be sent: where the line has ended, the other program has no
/// handler for the event, or the value cannot be encoded. See ``error``. A sender keeps its messenger as long as it has
/// values to send; dropping the sender loses none.
public final class CoalescingSender<Content: Codable & Sendable>: Sendable {
    fileprivate struct Waiter {
        /// What it waits for: of each key the number of a value that it or a newer one has to be handled of.
        var numbers: [String: UInt64]
        /// Gets whether all has been handled; false where the task was cancelled.
        let continuation: UnsafeContinuation<Bool, Never>
    }

    fileprivate struct State {
        var values = NewestValues<Content>()
        var errors: [String: CallError] = [:]
        var waiters: [UInt64: Waiter] = [:]
        var lastWaiter: UInt64 = 0
    }

    private let messenger: Messenger
    private let event: Event<Content>
    private let peer: String?
    private let state = Lock(State())

    init(_ messenger: Messenger, _ event: Event<Content>, peer: String?) {
        self.messenger = messenger
        self.event = event
        self.peer = peer
    }

    /// Sends a value, or puts it in place of an older one of its key that has not been sent yet. Never waits, and never
    /// fails; see ``error``.
    ///
    /// - Parameters:
    ///   - content: the value.
    ///   - key: what the value is of.
    public func post(_ content: Content, key: String = "") {
        guard state.withLock({ $0.values.post(content, key: key) }) else { return }
        // Detached: the deadline of a handler that posts is not that of the values.
        Task.detached { [self] in await sendAll() }
    }

    /// Why the newest value of a key was not handled; nil where all that are not under way were. With several such keys
    /// it is the error of one of them. A later value of the key that is handled removes the error.
    public var error: CallError? {
        state.withLock { $0.errors.values.first }
    }

    /// Waits until of each key the newest value has been handled, or one that was posted meanwhile.
    ///
    /// - Throws: ``CallError``: ``error``, or ``CallError/Code/cancelled`` where the waiting task was cancelled. Then
    ///   the values are still sent.
    public func flush() async throws(CallError) {
        let id = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        let isHandled = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                let isHandled: Bool? = state.withLock { state in
                    let numbers = state.values.numbers
                    if numbers.isEmpty { return true }
                    // A cancellation from here on waits for the lock and finds the waiter.
                    if Task.isCancelled { return false }
                    state.waiters[id] = Waiter(numbers: numbers, continuation: continuation)
                    return nil
                }
                if let isHandled { continuation.resume(returning: isHandled) }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.continuation.resume(returning: false)
        }
        guard isHandled else {
            throw CallError(.cancelled, "the task that waited for the newest values of \(event.type) was cancelled")
        }
        if let error { throw error }
    }

    /// Sends values until none waits.
    private func sendAll() async {
        while let (key, value, number) = state.withLock({ $0.values.next() }) {
            var failure: CallError?
            do throws(CallError) {
                // As long as it takes: the handlers' time is what is being adapted to.
                try await messenger.send(event, value, to: peer, within: nil)
            } catch {
                failure = error
            }
            let done = state.withLock { state in
                state.errors[key] = failure
                state.values.sent(key)
                return state.finishWaiters(key, number)
            }
            for continuation in done { continuation.resume(returning: true) }
        }
    }
}

extension CoalescingSender.State {
    /// Takes out those that wait for nothing more once this value of a key has been handled.
    fileprivate mutating func finishWaiters(_ key: String, _ number: UInt64) -> [UnsafeContinuation<Bool, Never>] {
        for (id, waiter) in waiters where waiter.numbers[key].map({ $0 <= number }) == true {
            waiters[id]?.numbers[key] = nil
        }
        let done = waiters.filter { $0.value.numbers.isEmpty }
        for id in done.keys { waiters[id] = nil }
        return done.map(\.value.continuation)
    }
}

extension Messenger {
    /// Makes a sender of events of which only the newest counts.
    ///
    /// - Parameters:
    ///   - event: what kind of thing the values are.
    ///   - peer: for which peer of the hub on the other side; nil: for the other side itself.
    public func coalescing<Content>(_ event: Event<Content>, to peer: String? = nil) -> CoalescingSender<Content> {
        CoalescingSender(self, event, peer: peer)
    }
}
