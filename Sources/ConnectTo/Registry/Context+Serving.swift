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
    /// **Many callers.** No more than `limit` handlers run at once. Further callers are admitted and wait: their
    /// ports are open, and what they post waits for their handler, in the order in which they called. On a desktop
    /// callers come in bursts, for example when a session starts, and then a moment's wait is better than an error
    /// that each calling program would have to retry. Only callers for which there is no room to wait
    /// (``connectEvents``) end with ``CloseReason/Code/busy``. So a handler that runs for as long as its caller does
    /// needs a limit as large as the number of such callers.
    ///
    /// **The end of a handler.** When the handler returns, its port is closed in order, and what was posted on it is
    /// handed over before the next caller gets the place, unless the handler kept the port. It has kept the port
    /// where a reference to it lives on outside of the event: in a property, a collection or a task that is still
    /// running. Such a port is left as it is, and closes like any other when its last reference is dropped. A port
    /// that the handler has transferred is not touched either.
    ///
    /// **Errors.** An error that a handler throws, also one for a peer that died, ends that caller's port, kept or
    /// not, and no other. What was posted is handed over, for five seconds at most. Then the line breaks off, so that
    /// the caller sees ``CloseReason/Code/peerExited`` and does not take it for an end in order.
    /// `onError` gets the error. Without `onError` the logger `org.connectto.context` gets it: as a warning, or at debug
    /// level where the caller's process had died, which is no fault of this program.
    ///
    /// **The end.** When the context has ended, no more callers come, and this returns when the present ones have
    /// been served; ``waitUntilEnded()`` does not wait for them.
    ///
    /// **Stopping.** When the task is cancelled, the context is unregistered and the handlers are cancelled. An error
    /// that a handler throws because of that is neither logged nor passed on: its port, kept or not, is closed in
    /// order. Where the handler had called ``MessagePort/finish()`` before, the line breaks off instead, since a close
    /// would tell the caller that what it has posted was of no more use. This throws when all handlers have ended and the kernel has what was
    /// posted on their ports, so that the program may exit. A port whose peer takes too little of it is waited for
    /// for five seconds.
    ///
    /// - Parameters:
    ///   - limit: how many handlers may run at once; less than one counts as one.
    ///   - onError: called for each error of a handler, in that caller's task, with the caller's peer.
    ///   - handler: serves one caller. It runs where child tasks run: on Swift's pool of threads, unless a task
    ///     executor is preferred here (``EventLoop/executor``) or the closure names an actor.
    /// - Throws: ``ConnectToError``: ``ConnectToError/Code/alreadyTaken`` where another task takes ``connectEvents``;
    ///   ``ConnectToError/Code/cancelled``; ``ConnectToError/Code/contextEnded`` where the context ended because its
    ///   name or its bus was lost, and not by ``unregister()`` or at its limit of callers.
    public func serve(
        limit: Int = 256, onError: (@Sendable (_ error: any Error, _ peer: Peer) -> Void)? = nil,
        _ handler: @escaping @Sendable (ConnectEvent) async throws -> Void
    ) async throws(ConnectToError) {
        let failure = await withTaskCancellationHandler {
            await serveAll(Slots(max(1, limit)), onError, handler)
        } onCancel: {
            // Unregister at once, even while all slots are taken and no event is awaited.
            registration.withdrawSoon(.unregistered)
        }
        if let failure { throw failure }
        let reason = endReason
        if reason != .unregistered, reason != .limitReached { throw .ended(registration.context, reason) }
    }

    /// - Returns: the error that kept the events from being taken to their end.
    private func serveAll(
        _ slots: Slots, _ onError: (@Sendable (any Error, Peer) -> Void)?,
        _ handler: @escaping @Sendable (ConnectEvent) async throws -> Void
    ) async -> ConnectToError? {
        await withDiscardingTaskGroup { group in
            var events = connectEvents.makeAsyncIterator()
            do throws(ConnectToError) {
                while true {
                    // Before taking the next caller: until it is taken, it counts among the callers that wait.
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
    /// How long a port may take to hand over what was posted, where its handler has failed or serving is cancelled.
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
        contextNamed name: String, onError: (@Sendable (any Error, Peer) -> Void)?,
        _ handler: @Sendable (ConnectEvent) async throws -> Void
    ) async {
        await handle(contextNamed: name, onError: onError, handler)
        // The port has been dropped with the event, unless the handler kept it.
        if Task.isCancelled {
            await line.waitUntilDelivered(within: Self.patience)
        } else {
            await line.waitUntilDelivered()
        }
    }

    private func handle(
        contextNamed name: String, onError: (@Sendable (any Error, Peer) -> Void)?,
        _ handler: @Sendable (ConnectEvent) async throws -> Void
    ) async {
        guard let event = takeEvent() else { return }
        do {
            try await handler(event)
        } catch {
            if Task.isCancelled && error.isCancellation {
                await line.stop(within: Self.patience)
            } else {
                if let onError { onError(error, peer) } else { log(error, name) }
                await line.breakOff(within: Self.patience)
            }
            // Keep the event until here: a port that is dropped earlier closes in order.
            withExtendedLifetime(event) {}
        }
    }

    private func log(_ error: any Error, _ name: String) {
        Self.log.log(
            level: CloseReason.Code.peerExited ~= error ? .debug : .warning,
            "the handler of a caller has thrown an error",
            metadata: ["name": "\(name)", "peer": "\(peer)", "error": "\(error)"])
    }

    private func takeEvent() -> ConnectEvent? {
        event.withLock { event in
            defer { event = nil }
            return event
        }
    }
}

extension Error {
    /// Whether the error says that the task was cancelled.
    fileprivate var isCancellation: Bool {
        switch self {
        case is CancellationError: true
        case let error as PortError: error.code == .cancelled
        case let error as ConnectToError: error.code == .cancelled
        default: false
        }
    }
}
