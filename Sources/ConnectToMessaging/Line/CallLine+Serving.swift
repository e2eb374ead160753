import ConnectTo

extension CallLine {
    /// A request or event has arrived; on the port's loop.
    func arrive(_ arrival: Arrival) {
        if servesOnLoop { return serve(arrival) }
        guard arrivals.append(arrival) else { return }
        Task(executorPreference: options.executor) { [self] in
            while let arrival = arrivals.next() { serve(arrival) }
        }
    }

    /// Starts the handler of what has arrived. It is called for one after the other, in the order of arrival.
    private func serve(_ arrival: Arrival) {
        switch arrival {
        case .event(let type, let payload, let share):
            serveEvent(Addressed(type), payload, share)
        case .request(let id, let key, type: "", _, _, _, let share):
            // A barrier: the handlers of all that came before have started.
            ServedCall(id: id, key: key, type: "", wantsMany: false, remaining: 0, line: self).answer(nil)
            taken(share)
        case .request(let id, let key, let type, let remaining, let wantsMany, let payload, let share):
            let type = Addressed(type)
            let call = ServedCall(
                id: id, key: key, type: type.type, wantsMany: wantsMany, remaining: remaining, line: self)
            let goesOn = withState { state in
                guard state.served.started(key, call) else { return false }
                if let deadline = call.deadline { state.arm(deadline, on: self) }
                return true
            }
            guard goesOn else {
                call.fail(CallFailure(.cancelled, "the request \(call.type) was given up"))
                return taken(share)
            }
            serveRequest(call, from: type.address, payload, share)
        }
    }

    private func serveEvent(_ type: Addressed, _ payload: Payload, _ share: ReceiveWindow.Share) {
        let router = type.address == nil ? nil : handlers.router
        let context = CallContext(
            line: self, type: type.type, sender: router == nil ? type.address : nil, call: nil)
        if let address = type.address, let router {
            router.route(payload, ofEvent: type.type, to: address, context)
            return taken(share)
        }
        let found = handlers.event(type.type)
        if found.isEmpty { handlers.unknown(type.type, payload, context) }
        // The bytes go back to the other side's window when the last handler has returned.
        guard let waiting = found.start(payload, context) else { return taken(share) }
        Task.immediate(executorPreference: options.executor) { [self] in
            await waiting()
            taken(share)
        }
    }

    private func serveRequest(
        _ call: ServedCall, from address: String?, _ payload: Payload, _ share: ReceiveWindow.Share
    ) {
        let router = address == nil ? nil : handlers.router
        let context = CallContext(line: self, type: call.type, sender: router == nil ? address : nil, call: call)
        let handle: @Sendable () async -> Void
        if let address, let router {
            handle = { await router.route(payload, of: call, to: address, context) }
        } else {
            switch handlers.request(call.type) {
            case nil:
                let found = handlers.event(call.type)
                guard !found.isEmpty else {
                    call.fail(CallFailure(.unknownType, "there is no handler for the request \(call.type)"))
                    return taken(share)
                }
                // An event that the sender wants to know handled.
                guard let waiting = found.start(payload, context) else {
                    call.answer(nil)
                    return taken(share)
                }
                handle = {
                    await waiting()
                    call.answer(nil)
                }
            case .direct(let handler):
                handler(payload, call, context)
                return taken(share)
            case .waiting(let handler):
                handle = { await handler(payload, call, context) }
            }
        }
        call.run(
            in: Task.immediate(executorPreference: options.executor) { [self] in
                await CallContext.$current.withValue(context) { await handle() }
                taken(share)
            })
    }

    /// A handler has ended: the other side may send as much again.
    private func taken(_ share: ReceiveWindow.Share) {
        withState { state in
            guard let granted = state.window.take(share) else { return }
            state.reply(Letter(.grant(.window(granted))), giving: .bytes(granted), on: self)
        }
    }
}

extension [Handlers.EventHandler] {
    /// Runs those that do not wait.
    ///
    /// - Returns: what runs the others; nil where there are none.
    fileprivate func start(_ payload: Payload, _ context: CallContext) -> (@Sendable () async -> Void)? {
        var waiting: [@Sendable (Payload, CallContext) async -> Void] = []
        for handler in self {
            switch handler {
            case .direct(let handle): handle(payload, context)
            case .waiting(let handle): waiting.append(handle)
            }
        }
        if waiting.isEmpty { return nil }
        if waiting.count == 1 { return { [handle = waiting[0]] in await handle(payload, context) } }
        return { [waiting] in
            await withDiscardingTaskGroup { group in
                for handle in waiting { group.addImmediateTask { await handle(payload, context) } }
            }
        }
    }
}
