import ConnectTo

extension CallLine {
    /// Sends a request, or queues it behind those that wait.
    func start(_ call: PendingCall) {
        call.log(.begin(.sent, type: call.type, wantsMany: call.wantsMany, on: self))
        let ended: CloseReason? = withState { state in
            if let reason = state.end { return reason }
            // A task that was cancelled before it asked has given up already.
            if case .givenUp = call.place { return nil }
            let cost = Envelope(
                operation: .request(id: 1, type: call.type, remaining: 0, wantsMany: call.wantsMany)
            ).cost(call.payload)
            if state.maySend,
                state.order.sendsAtOnce(cost: cost, needsPlace: true, places: state.made.places)
            {
                state.send(.request(call), on: self)
            } else {
                call.place = .waiting(ticket: state.order.append(.request(call), cost: cost, needsPlace: true))
            }
            if let deadline = call.deadline { state.arm(deadline, on: self) }
            return nil
        }
        if let ended { call.end(.failed(.lineEnded(ended, .waiting))) }
    }

    /// The program no longer waits for a request: it leaves the queue, or the other side hears of it.
    func giveUp(_ call: PendingCall, _ code: CallError.Code, _ message: String) {
        let stage: CallError.Stage = withState { state in state.giveUp(call, on: self) }
        call.end(.failed(CallError(code, message, stage: stage)))
    }

    /// The program takes more elements of a stream.
    func grantElements(_ count: UInt32, to call: PendingCall) {
        guard case .sent(let id) = call.place else { return }
        withState { state in
            guard state.made.grantElements(count, of: id) else { return }
            state.reply(Envelope(operation: .grant(.elements(count, of: id))).message(), on: self)
        }
    }

    /// Sends an event.
    ///
    /// - Throws: ``CallError`` with ``CallError/Code/queueFull``, and with ``CallError/Code/notEncodable`` where the port
    ///   does not take the message.
    func post(_ message: OutgoingMessage, cost: Int) throws(CallError) -> Bool {
        enum Outcome {
            case sent, ended, full
            case refused(PortError)
        }
        let outcome: Outcome = withState { state in
            if state.end != nil { return .ended }
            if state.maySend, state.order.sendsAtOnce(cost: cost, needsPlace: false, places: 0) {
                guard let refusal = state.post(message, on: self) else { return .sent }
                state.order.giveBack(cost)
                return .refused(refusal)
            }
            guard state.order.waitingBytes + cost <= options.queuedEvents || state.order.waitingBytes == 0 else {
                return .full
            }
            _ = state.order.append(.event(message), cost: cost, needsPlace: false)
            return .sent
        }
        switch outcome {
        case .sent: return true
        case .ended: return false
        case .refused(let refusal): throw .refused(refusal)
        case .full:
            throw CallError(
                .queueFull, "the other program has not taken earlier events, and \(options.queuedEvents) bytes wait")
        }
    }
}

extension CallLine.State {
    mutating func giveUp(_ call: PendingCall, on line: CallLine) -> CallError.Stage {
        switch call.place {
        case .none, .givenUp:
            call.place = .givenUp
            return .waiting
        case .waiting(let ticket):
            _ = order.takeBack(ticket)
            // What stood behind it may go now.
            sendWaiting(on: line)
            return .waiting
        case .sent(let id):
            if made.giveUp(id) != nil { reply(Envelope(operation: .cancel(id: id)).message(), on: line) }
            return .sent
        }
    }

    /// Lets the timer fire at an instant, if it does not fire earlier anyway.
    mutating func arm(_ deadline: SuspendingClock.Instant, on line: CallLine) {
        if let timer {
            if timer.deadline <= deadline { return }
            timer.timer.cancel()
        }
        let delay = SuspendingClock.now.duration(to: deadline)
        timer = (deadline, line.port.eventLoop.schedule(after: delay) { [weak line] in line?.endOverdue() })
    }
}

extension CallLine {
    /// Ends everything whose time is over, and sets the timer for what is next. One timer serves all calls of a line:
    /// most end long before their deadline, so that setting and cancelling one for each would be the larger part of a
    /// call.
    fileprivate func endOverdue() {
        let now = SuspendingClock.now
        let overdue: (calls: [PendingCall], handlers: [ServedCall]) = withState { state in
            state.timer = nil
            var calls: [PendingCall] = []
            var handlers: [ServedCall] = []
            var next: SuspendingClock.Instant?
            func sort(_ deadline: SuspendingClock.Instant?, _ end: () -> Void) {
                guard let deadline else { return }
                if deadline <= now { end() } else { next = min(next ?? deadline, deadline) }
            }
            for call in state.made.callers { sort(call.deadline) { calls.append(call) } }
            for case .request(let call) in state.order.items { sort(call.deadline) { calls.append(call) } }
            for call in state.served.handlers where !call.isOverdue { sort(call.deadline) { handlers.append(call) } }
            if let next { state.arm(next, on: self) }
            return (calls, handlers)
        }
        for call in overdue.calls { giveUp(call, .timedOut, "the time for the request \(call.type) is over") }
        for call in overdue.handlers { call.endTime() }
    }
}
