import ConnectTo

extension CallLine {
    /// Starts the handler of what has arrived.
    func serve(_ arrival: Arrival) async {
        switch arrival {
        case .event(let type, let payload, let cost):
            if let handler = handlers.event(type) {
                await handler(payload, CallContext(line: self, type: type, call: nil))
            } else {
                handlers.unknown(type, payload)
            }
            taken(cost)
        case .request(let id, type: "", _, _, _, let cost):
            // Every handler of what came before has started.
            ServedCall(id: id, type: "", wantsMany: false, remaining: 0, line: self).answer(nil)
            taken(cost)
        case .request(let id, let type, let remaining, let wantsMany, let payload, let cost):
            let call = ServedCall(id: id, type: type, wantsMany: wantsMany, remaining: remaining, line: self)
            let goesOn = withState { state in
                guard state.served.started(id, call) else { return false }
                if let deadline = call.deadline { state.arm(deadline, on: self) }
                return true
            }
            guard goesOn else {
                call.fail(CallFailure(.cancelled, "the request \(type) was given up"))
                return taken(cost)
            }
            guard let handler = handlers.request(type) else {
                call.fail(CallFailure(.unknownType, "there is no handler for the request \(type)"))
                return taken(cost)
            }
            let context = CallContext(line: self, type: type, call: call)
            call.run(
                in: Task.immediate { [self] in
                    await CallContext.$current.withValue(context) { await handler(payload, call, context) }
                    taken(cost)
                })
        }
    }

    /// A handler has ended: the other side may send as much again.
    private func taken(_ cost: Int) {
        withState { state in
            guard let granted = state.window.take(cost: cost) else { return }
            state.reply(Envelope(operation: .grant(.window(granted))).message(), on: self)
        }
    }
}
