import ConnectTo

extension CallLine {
    /// Sends a request, or queues it behind those that wait.
    func start(_ call: PendingCall) {
        let entry = CallLogEntry.begin(.sent, type: call.type, wantsMany: call.wantsMany, on: self)
        withState { state in state.start(call, entry, on: self) }()
    }

    /// The same, but leaves the request as it is where the line is over.
    ///
    /// - Returns: false where it is.
    func startUnlessOver(_ call: PendingCall) -> Bool {
        let entry = CallLogEntry.begin(.sent, type: call.type, wantsMany: call.wantsMany, on: self)
        return withState { state in
            if state.end != nil { return false }
            // It has no end to tell, since the line is not over.
            _ = state.start(call, entry, on: self)
            return true
        }
    }

    /// Waits for what comes next of a request; gives it up where the task is cancelled.
    ///
    /// - Parameter isFirst: whether the request has not been sent yet, and is sent now.
    nonisolated(nonsending) func next(of call: PendingCall, isFirst: Bool) async -> PendingCall.Progress {
        let entry = isFirst ? CallLogEntry.begin(.sent, type: call.type, wantsMany: call.wantsMany, on: self) : nil
        var isToStart = isFirst
        return await withTaskCancellationHandler {
            while true {
                if !isToStart, let progress = withState({ _ in call.next() }) { return progress }
                await withUnsafeContinuation { continuation in
                    withState { state in
                        var wakeUp = isToStart ? state.start(call, entry, on: self) : PendingCall.Wakeup()
                        if !call.waits(continuation) { wakeUp.waiter = continuation }
                        return wakeUp
                    }()
                }
                isToStart = false
            }
        } onCancel: {
            giveUp(call, .cancelled, "the task that waited for \(call.type) was cancelled")
        }
    }

    /// The program no longer waits for a request: it leaves the queue, or the other side hears of it.
    func giveUp(_ call: PendingCall, _ code: CallError.Code, _ message: String) {
        giveUp(call) { stage in CallError(code, message, stage: stage) }
    }

    /// The same, with an error of the caller's.
    func giveUp(_ call: PendingCall, _ error: (CallError.Stage) -> CallError) {
        withState { state in
            let stage = state.giveUp(call, on: self)
            return call.end(.failed(error(stage)), stage == .sent ? .givenUp : .done)
        }()
    }

    /// The program takes more elements of a stream.
    func grantElements(_ count: UInt32, to call: PendingCall) {
        withState { state in
            guard case .sent(let id) = call.place, state.made.grantElements(count, of: id) else { return }
            state.reply(.grant(.elements(count, of: id)), on: self)
        }
    }

    /// Sends an event, or queues it behind what waits.
    ///
    /// - Parameter compressed: the payload's compressed form, which is sent in its place if the line takes it.
    /// - Returns: false where the line is over.
    /// - Throws: ``CallError`` with ``CallError/Code/queueFull``, and with ``CallError/Code/notEncodable`` where the port
    ///   does not take the message.
    func post(_ event: Head, _ payload: OutgoingMessage?, compressed: [UInt8]? = nil) throws(CallError) -> Bool {
        try postEvent(cost: event.cost(payload), message: event.message(payload, compressed: compressed)) { state in
            state.post(event, payload, compressed: compressed, on: self)
        }
    }

    /// - Parameters:
    ///   - message: what waits where the event cannot be sent yet.
    ///   - post: sends it now, and says why the port does not take it.
    @inline(__always)
    func postEvent(
        cost: Int, message: @autoclosure () -> OutgoingMessage, _ post: (inout State) -> PortError?
    ) throws(CallError) -> Bool {
        enum Outcome {
            case sent, ended, full
            case refused(PortError)
        }
        let outcome: Outcome = withState { state in
            if state.isOver { return .ended }
            if state.maySend, state.order.sendsAtOnce(cost: cost, needsPlace: false, places: 0) {
                guard let refusal = post(&state) else { return .sent }
                state.order.giveBack(cost)
                return .refused(refusal)
            }
            guard state.order.waitingBytes + cost <= options.queuedEvents || state.order.waitingBytes == 0 else {
                return .full
            }
            _ = state.order.append(.event(message()), cost: cost, needsPlace: false)
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
    /// Sends a request, or queues it behind those that wait.
    fileprivate mutating func start(
        _ call: PendingCall, _ entry: CallLogEntry?, on line: CallLine
    ) -> PendingCall.Wakeup {
        call.logEntry = entry
        if isOver, let reason = end { return call.end(.failed(.lineEnded(reason, .waiting))) }
        // A task that was cancelled before it asked has given up already.
        if case .givenUp = call.place { return PendingCall.Wakeup() }
        let cost = call.cost
        if maySend, order.sendsAtOnce(cost: cost, needsPlace: true, places: made.places) {
            send(call, on: line)
        } else {
            call.place = .waiting(ticket: order.append(.request(call), cost: cost, needsPlace: true))
        }
        if let deadline = call.deadline { arm(deadline, on: line) }
        return PendingCall.Wakeup()
    }

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
            if made.giveUp(id) != nil {
                if call.awaitsLateAnswer { late[id] = call }
                reply(.cancel(id: id), on: line)
            }
            return .sent
        }
    }

    /// Lets the timer fire at an instant, if it does not fire earlier anyway.
    mutating func arm(_ deadline: Deadline, on line: CallLine) {
        if isOver { return }
        if let armed, armed <= deadline { return }
        timer?.cancel()
        armed = deadline
        // Not weak: counting references to an object that has weak ones takes four times as long. The end of the line
        // cancels the timer.
        timer = line.port.eventLoop.schedule(after: deadline.timeLeft) { line.endOverdue() }
    }
}

extension CallLine.State {
    /// There is nothing more to end at its deadline.
    mutating func disarm() {
        timer?.cancel()
        timer = nil
        armed = nil
    }
}

extension CallLine {
    /// Ends everything whose time is over, and sets the timer for what is next. One timer serves all calls of a line:
    /// most end long before their deadline, so that setting and cancelling one for each would be the larger part of a
    /// call.
    fileprivate func endOverdue() {
        let now = Deadline.now
        let overdue: (calls: [PendingCall], handlers: [ServedCall]) = withState { state in
            state.timer = nil
            state.armed = nil
            var calls: [PendingCall] = []
            var handlers: [ServedCall] = []
            var next: Deadline?
            func sort(_ deadline: Deadline?, _ end: () -> Void) {
                guard let deadline else { return }
                if deadline <= now { end() } else { next = min(next ?? deadline, deadline) }
            }
            for call in state.made.callers { sort(call.deadline) { calls.append(call) } }
            for case .request(let call) in state.order.items { sort(call.deadline) { calls.append(call) } }
            for call in state.served.handlers where !call.hasBeenOverdue {
                sort(call.deadline) { handlers.append(call) }
            }
            if let next { state.arm(next, on: self) }
            return (calls, handlers)
        }
        for call in overdue.calls { giveUp(call, .timedOut, "the time for the request \(call.type) is over") }
        for call in overdue.handlers { call.endTime() }
    }
}
