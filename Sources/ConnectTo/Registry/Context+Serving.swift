import ConnectToLinux
import ConnectToPorts
import Logging

extension Context {
    /// Serves callers, each in a child task of its own, until the context ends.
    ///
    /// ```swift
    /// try await context.serve { event in
    ///     for try await message in event.source.messages { try await event.source.send(.forwarding(message)) }
    /// }
    /// ```
    ///
    /// **Many callers.** No more than `limit` handlers run at once. Further callers wait, unanswered but admitted: they
    /// are open, and what they post waits for their handler, in the order in which they called. On a desktop callers come
    /// in bursts, when a session starts for one, and there a moment's wait is better than an error that each calling
    /// program would have to retry. Only those for whom there is no room to wait (``connectEvents``) end with
    /// ``CloseReason/Code/busy``. So a handler that stays with its caller for as long as that runs needs a limit as large
    /// as the number of such callers.
    ///
    /// **The end of a handler.** When the handler returns, its port is closed in order, and what was posted on it is
    /// handed over before the place is given to the next caller, unless the handler kept the port. It has kept it where a
    /// reference to the port lives on anywhere outside of the event that it was given: in a property, a collection or a
    /// task that is still running. Such a port is left as it is, and closes like any other when its last reference is
    /// dropped. A port that the handler has transferred is not touched either.
    ///
    /// **Errors.** An error that a handler throws, that of a peer that died among them, ends that caller's port, kept or
    /// not, and no other: what was posted is handed over, for five seconds at most, and then the line breaks off, so that
    /// the caller sees ``CloseReason/Code/peerExited`` and does not take it for an end in order. The error is logged by
    /// `org.connectto.context`, as a warning, and told to `onError`. An error thrown because this task was cancelled is
    /// neither.
    ///
    /// **The end.** When the context has ended no more callers come; this returns when those that are there have been
    /// served. When the task is cancelled the context is unregistered and the handlers are cancelled; this throws when
    /// they have ended, and what their ports have not handed over by then goes out in the background.
    ///
    /// - Parameters:
    ///   - limit: how many handlers may run at once; less than one counts as one.
    ///   - onError: called for each error of a handler, in that caller's task, with the caller.
    ///   - handler: serves one caller. It runs where child tasks run: on Swift's pool of threads, unless a task executor
    ///     is preferred here (``EventLoop/executor``) or the closure names an actor.
    /// - Throws: ``ConnectToError``: ``ConnectToError/Code/alreadyTaken`` where another task takes ``connectEvents``;
    ///   ``ConnectToError/Code/cancelled``; ``ConnectToError/Code/contextEnded`` where the context ended otherwise than
    ///   by ``unregister()`` or after as many callers as it was to admit: its name or its bus was lost.
    public func serve(
        limit: Int = 256, onError: @escaping @Sendable (_ error: any Error, _ peer: Peer) -> Void = { _, _ in },
        _ handler: @escaping @Sendable (ConnectEvent) async throws -> Void
    ) async throws(ConnectToError) {
        let failure = await withTaskCancellationHandler {
            await serveAll(Slots(max(1, limit)), onError, handler)
        } onCancel: {
            // At once, also while all slots are taken and no event is awaited.
            registration.withdrawSoon(.unregistered)
        }
        if let failure { throw failure }
        let reason = endReason
        if reason != .unregistered, reason != .limitReached { throw .ended(registration.context, reason) }
    }

    /// - Returns: why the events could not be taken to their end.
    private func serveAll(
        _ slots: Slots, _ onError: @escaping @Sendable (any Error, Peer) -> Void,
        _ handler: @escaping @Sendable (ConnectEvent) async throws -> Void
    ) async -> ConnectToError? {
        await withDiscardingTaskGroup { group in
            var events = connectEvents.makeAsyncIterator()
            do throws(ConnectToError) {
                while true {
                    // Before the next caller is taken: one that is not counts among those that wait.
                    await slots.take()
                    guard let caller = try await events.next().map(ServedCaller.init) else { return nil }
                    group.addTask { [busName] in
                        await caller.serve(contextNamed: busName, onError: onError, handler)
                        slots.giveBack()
                    }
                }
            } catch {
                return error
            }
        }
    }
}

/// A caller that is being served. Holds the port only while the handler runs, so that it closes afterwards unless the
/// handler has kept it.
private final class ServedCaller: Sendable {
    /// How long a port whose handler has failed may take to hand over what was posted.
    private static let patience = Duration.seconds(5)
    private static let log = Logger(label: "org.connectto.context")

    private let peer: Peer
    private let line: LineHold
    private let event: Lock<ConnectEvent?>

    init(_ event: ConnectEvent) {
        peer = event.peer
        line = event.source.lineHold
        self.event = Lock(event)
    }

    func serve(
        contextNamed name: String, onError: @Sendable (any Error, Peer) -> Void,
        _ handler: @Sendable (ConnectEvent) async throws -> Void
    ) async {
        await handle(contextNamed: name, onError: onError, handler)
        // Dropped with the event, unless the handler kept it.
        await line.waitUntilDelivered()
    }

    private func handle(
        contextNamed name: String, onError: @Sendable (any Error, Peer) -> Void,
        _ handler: @Sendable (ConnectEvent) async throws -> Void
    ) async {
        guard let event = takeEvent() else { return }
        do {
            try await handler(event)
        } catch {
            if !(Task.isCancelled && error.isCancellation) {
                Self.log.warning(
                    "a caller was not served to the end",
                    metadata: ["name": "\(name)", "peer": "\(peer)", "error": "\(error)"])
                onError(error, peer)
            }
            await line.breakOff(within: Self.patience)
            // A port that is dropped before closes in order.
            withExtendedLifetime(event) {}
        }
    }

    private func takeEvent() -> ConnectEvent? {
        event.withLock { event in
            defer { event = nil }
            return event
        }
    }
}

extension Error {
    /// Whether it says that the task was cancelled.
    fileprivate var isCancellation: Bool {
        switch self {
        case is CancellationError: true
        case let error as PortError: error.code == .cancelled
        case let error as ConnectToError: error.code == .cancelled
        default: false
        }
    }
}
