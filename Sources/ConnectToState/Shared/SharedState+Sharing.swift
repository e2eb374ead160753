public import ConnectTo
import ConnectToLinux
import ConnectToMessaging
import Logging

extension SharedState {
    /// Shares the state with all programs that share one under the same name: who is first owns the name, and the others
    /// connect to it. None needs to know which it is.
    ///
    /// ```swift
    /// let settings = SharedState()
    /// try await settings.share(as: "settings", on: bus)
    /// ```
    ///
    /// When the owner ends, or dies, the one that has waited longest owns the name, and the others connect to it; each
    /// brings what it had written, so nothing is lost that any program has that lives. Programs without a replica ask
    /// who owns the name (``StateRequests``).
    ///
    /// This returns when this program owns the name, or has what the owner has.
    ///
    /// - Parameters:
    ///   - name: a context's name. Two states of one program under the same name need a connection each:
    ///     `Bus.makeSeparate(at:limits:on:)`.
    ///   - bus: where the name is registered. While it is away the lines live on.
    ///   - options: who may connect, and the program's own requests.
    /// - Throws: ``StateError`` with ``StateError/Code/alreadyShared``, ``StateError/Code/notShared`` where the name
    ///   cannot be registered or the owner refuses this program, ``StateError/Code/timedOut``,
    ///   ``StateError/Code/cancelled`` or ``StateError/Code/closed``. It is not shared then.
    public func share(
        as name: String, on bus: Bus, options: SharingOptions = SharingOptions()
    ) async throws(StateError) {
        let sharing = Sharing(name, bus, options, try await register(name, bus, options))
        let fault: StateError? = locked { core in
            if core.isClosed { return .closed }
            if let other = core.sharing { return .alreadyShared(other.name) }
            core.sharing = sharing
            return nil
        }
        if let fault {
            await sharing.context.unregister()
            throw fault
        }
        listen(on: options.handlers, accepts: true)
        begin(sharing)
        let timer = (try? EventLoop.shared)?.schedule(after: options.patience) {
            sharing.ready.set(
                .failure(
                    StateError(
                        .timedOut,
                        "who owns \"\(name)\" has not sent its values within \(options.patience); see whether it is stopped"
                    )))
        }
        let outcome = await sharing.ready.wait()
        timer?.cancel()
        if case .success? = outcome { return }
        await withdraw()
        guard case .failure(let error)? = outcome else {
            throw StateError(.cancelled, "the task that shared the state as \"\(name)\" was cancelled")
        }
        throw error
    }

    /// Whether this program owns the name under which the state is shared, so that others connect to it.
    public var ownsName: Bool { locked(\.sharing)?.context.status == .registered }

    /// Ends the sharing: the name is given up, and the lines that have come by it end, after the others have taken what
    /// was written here; at most two seconds are waited for each. Does nothing where the state is not shared.
    public func withdraw() async {
        let sharing = locked { core in
            defer { core.sharing = nil }
            return core.sharing
        }
        guard let sharing else { return }
        await flush { $0.isShared }
        await sharing.context.unregister()
        sharing.stop()
        // Those that have come meanwhile too.
        await flush { $0.isShared }
        let handlers = sharing.options.handlers
        let (lines, listening) = locked { core in
            (
                core.lines.filter { $0.value.isShared }.map(\.key),
                core.listening.removeValue(forKey: ObjectIdentifier(handlers))
            )
        }
        listening?.cancel()
        for id in lines { end(id, CloseReason(.closed, detail: "this program does not share the state any more")) }
    }

    private func register(
        _ name: String, _ bus: Bus, _ options: SharingOptions
    ) async throws(StateError) -> Context {
        if let other = locked({ $0.sharing }) { throw .alreadyShared(other.name) }
        do {
            return try await bus.register(
                name, origin: options.origin,
                options: ContextOptions(
                    metadata: options.metadata, ownership: .standby, format: .calls, admission: options.admission))
        } catch {
            throw StateError(.notShared, "the state is not shared: \(error.message)", cause: error)
        }
    }

    // MARK: While it is shared

    private func begin(_ sharing: Sharing) {
        sharing.add(
            Task { [weak self] in
                var events = sharing.context.connectEvents.makeAsyncIterator()
                while let event = try? await events.next() {
                    guard let self else { return }
                    accept(event, sharing)
                }
            })
        let state: @Sendable () -> SharedState? = { [weak self] in self }
        sharing.add(
            Task {
                var joining: Task<Void, Never>?
                for await status in sharing.context.statusChanges {
                    switch status {
                    case .registered:
                        joining?.cancel()
                        joining = nil
                        sharing.ready.set(.success(()))
                    case .standby where joining == nil:
                        joining = Task { await SharedState.join(sharing, with: state) }
                    case .ended:
                        let reason = sharing.context.endReason.map { "\($0)" } ?? "the state was closed"
                        sharing.ready.set(
                            .failure(
                                StateError(
                                    .notShared,
                                    "the state is not shared as \"\(sharing.name)\": the name has ended (\(reason))")))
                        state()?.logger?.notice("the state is not shared as \"\(sharing.name)\" any more: \(reason)")
                    default: break
                    }
                }
                joining?.cancel()
            })
    }

    /// A program has connected to the name.
    private func accept(_ event: ConnectEvent, _ sharing: Sharing) {
        var options = MessengerOptions()
        options.logger = logger
        let messenger = Messenger(
            event.source, peer: event.peer, handlers: sharing.options.handlers, options: options, starts: false)
        _ = add(event.peer.busName, messenger, isShared: true)
        messenger.start()
    }

    /// Connects to who owns the name, again and again, until the task is cancelled: when this program owns it.
    private static func join(_ sharing: Sharing, with state: @Sendable () -> SharedState?) async {
        var connect = ConnectOptions()
        connect.wait = .untilAvailable(for: sharing.options.patience)
        var pause = Duration.milliseconds(50)
        while !Task.isCancelled {
            var last: Int?
            do {
                let messengers = sharing.bus.messengers(
                    to: sharing.name, origin: sharing.options.origin, options: connect,
                    handlers: sharing.options.handlers, following: .everyEnd)
                for try await messenger in messengers {
                    guard let state = state() else { return }
                    last = state.join(sharing, messenger)
                    pause = .milliseconds(50)
                }
            } catch {
                if error.code == .cancelled, let last {
                    state()?.end(last, CloseReason(.closed, detail: "this program owns the name itself now"))
                }
                if error.reason?.code == .refused {
                    sharing.ready.set(
                        .failure(
                            StateError(
                                .notShared,
                                "the state is not shared: who owns \"\(sharing.name)\" refuses this program: \(error.message)",
                                cause: error)))
                }
                state()?.logger?.debug("\"\(sharing.name)\" could not be joined: \(error.message)")
            }
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, .seconds(10))
        }
    }

    private func join(_ sharing: Sharing, _ messenger: Messenger) -> Int {
        let id = add(sharing.name, messenger, isShared: true)
        let (latch, wakeups) = locked { core in
            let wakeups = core.open(id)
            return (core.lines[id]?.synchronized, wakeups)
        }
        finish(wakeups)
        Task { if await latch?.wait() == true { sharing.ready.set(.success(())) } }
        return id
    }
}

extension StateError {
    fileprivate static func alreadyShared(_ name: String) -> StateError {
        StateError(
            .alreadyShared, "the state is shared as \"\(name)\" already; withdraw it first, or share another state")
    }
}
