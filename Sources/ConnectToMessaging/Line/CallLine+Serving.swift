import ConnectTo
import ConnectToLinux
import DequeModule
import Synchronization

extension CallLine {
    /// An event has arrived; on the port's loop. Like a request, and quicker where its handlers run there.
    func arrive(_ event: Payload, _ share: ReceiveWindow.Share) {
        guard servesOnLoop else { return arrive(.event(event, share)) }
        if let share = serveEvent(event, share) { taken(share) }
    }

    /// A request or event has arrived; on the port's loop.
    func arrive(_ arrival: Arrival) {
        if servesOnLoop {
            if let share = serve(arrival) { taken(share) }
        } else if arrivals.append(arrival) {
            Task(executorPreference: options.executor) { [self] in serveArrivals() }
        }
    }

    /// Starts the handlers of what waits, until nothing does.
    private func serveArrivals() {
        while case var waiting = arrivals.next(), !waiting.isEmpty {
            // Given back together, since each time takes the lock that the loop needs for every message.
            var taken = ReceiveWindow.Share.nothing
            while let arrival = waiting.popFirst() {
                if arrivals.haveEnded.load(ordering: .relaxed) {
                    taken += arrival.share
                } else if let share = serve(arrival) {
                    taken += share
                }
                if taken.cost >= Self.takenTogether || waiting.isEmpty {
                    self.taken(taken)
                    taken = .nothing
                }
            }
        }
    }

    private static let takenTogether = 64 << 10

    /// Starts the handler of what has arrived. It is called for one after the other, in the order of arrival.
    ///
    /// - Returns: what goes back to the other side's window now; nil while a handler holds it.
    private func serve(_ arrival: Arrival) -> ReceiveWindow.Share? {
        switch arrival {
        case .event(let payload, let share):
            return serveEvent(payload, share)
        case .request(let id, let key, type: "", _, _, _, let share):
            // A barrier: the handlers of all that came before have started.
            ServedCall(id: id, key: key, type: "", wantsMany: false, remaining: 0, line: self).answer(nil)
            return share
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
                return share
            }
            return serveRequest(call, from: type.address, payload, share)
        }
    }

    private func serveEvent(_ payload: Payload, _ share: ReceiveWindow.Share) -> ReceiveWindow.Share? {
        let event = payload.withName { handlers.event(named: $0) }
        let router = event.type.address == nil ? nil : handlers.router
        let context = CallContext(
            line: self, type: event.type.type, sender: router == nil ? event.type.address : nil, call: nil)
        if let address = event.type.address, let router {
            router.route(payload, ofEvent: event.type.type, to: address, context)
            return share
        }
        if event.handlers.isEmpty { handlers.unknown(event.type.type, payload, context) }
        guard let waiting = event.handlers.start(payload, context) else { return share }
        // The bytes go back to the other side's window when the last handler has returned.
        Task.immediate(executorPreference: options.executor) { [self] in
            await waiting()
            taken(share)
        }
        return nil
    }

    private func serveRequest(
        _ call: ServedCall, from address: String?, _ payload: Payload, _ share: ReceiveWindow.Share
    ) -> ReceiveWindow.Share? {
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
                    return share
                }
                // An event that the sender wants to know handled.
                guard let waiting = found.start(payload, context) else {
                    call.answer(nil)
                    return share
                }
                handle = {
                    await waiting()
                    call.answer(nil)
                }
            case .direct(let handler):
                handler(payload, call, context)
                return share
            case .waiting(let handler):
                handle = { await handler(payload, call, context) }
            }
        }
        call.run(
            in: Task.immediate(executorPreference: options.executor) { [self] in
                await CallContext.$current.withValue(context) { await handle() }
                taken(share)
            })
        return nil
    }

    /// A handler has ended: the other side may send as much again.
    func taken(_ share: ReceiveWindow.Share) {
        let isOver = withState { state in
            if let granted = state.window.take(share) {
                state.reply(.grant(.window(granted)), giving: .bytes(granted), on: self)
            }
            return state.end != nil
        }
        if isOver { noteHandled() }
    }

    /// The line has ended; notes whether all of its handlers have returned.
    func noteHandled() {
        if withState(\.window.isWhole) { handled.set() }
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
