import ConnectTo
public import ConnectToMessaging

extension SharedState {
    /// Answers replicas and programs without one on all lines of a hub, of a messenger or of `Handlers`: what
    /// ``share(as:on:options:)`` does for a name of its own, for a program that has its own way to take lines.
    ///
    /// A line replicates when its other side begins to (``connect(_:_:)-(String,Messenger)``); the peer is called as the
    /// hub calls it. The requests are ``StateRequests``. It ends with the state.
    ///
    /// - Parameter handling: set it before its lines start.
    public func serve(_ handling: some CallHandling) {
        listen(on: handling.handlers, accepts: true)
    }

    func answerRequests(on handlers: Handlers) -> [Subscription] {
        [
            handlers.on(StateRequests.get) { [weak self] query, _ in
                StateAnswer(value: try self.orClosed().value(at: query.path ?? StatePath()))
            },
            handlers.on(StateRequests.set) { [weak self] write, context in
                try self.orClosed().write(write.path, write.value, context)
            },
            handlers.on(StateRequests.remove) { [weak self] query, context in
                try self.orClosed().write(query.path ?? StatePath(), nil, context)
            },
            handlers.on(StateRequests.conflicts) { [weak self] query, _ in
                StateConflicts(try self.orClosed().snapshot, at: query.path ?? StatePath())
            },
            handlers.on(StateRequests.watch) { [weak self] watch, answers, _ in
                let path = watch.path ?? StatePath()
                let (snapshot, changes) = try self.orClosed().snapshotAndChanges(at: path)
                if watch.current == true {
                    for path in snapshot.paths(at: path) {
                        guard let value = snapshot.value(at: path) else { continue }
                        let conflicts = snapshot.conflicts(at: path)
                        try await answers.yield(
                            StateNews(StateChange(path: path, old: nil, new: value, conflicts: conflicts)))
                    }
                }
                for await change in changes { try await answers.yield(StateNews(change)) }
            },
        ]
    }

    private func write(_ path: StatePath, _ value: StateValue?, _ context: CallContext) throws -> NoPayload {
        do throws(StateError) {
            try write([(path, value)], from: .peer(name(of: context)))
        } catch {
            throw CallFailure(CallError.Code(rawValue: error.code.rawValue), error.message)
        }
        return NoPayload()
    }

    private func name(of context: CallContext) -> String {
        let known = context.messenger.flatMap { messenger in
            locked { core in core.lineIDs[ObjectIdentifier(messenger)].flatMap { core.lines[$0]?.name } }
        }
        return known ?? context.peerID ?? context.peer?.busName ?? "peer"
    }
}

extension SharedState? {
    fileprivate func orClosed() throws -> SharedState {
        guard let self else {
            throw CallFailure(CallError.Code(rawValue: StateError.Code.closed.rawValue), "the shared state was closed")
        }
        return self
    }
}

extension StateConflicts {
    fileprivate init(_ snapshot: StateSnapshot, at path: StatePath) {
        conflicts = []
        snapshot.forEach(at: path) { path, value in
            let others = snapshot.conflicts(at: path)
            if !others.isEmpty { conflicts.append(Conflict(path: path, value: value, others: others)) }
        }
    }
}
