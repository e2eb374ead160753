import ConnectTo

/// Lanes, second lines between the same two programs (`dbus/CALLS.md`, section 9).
extension CallLine {
    struct Lanes {
        /// The one that this side has opened.
        var opened: Messenger?
        /// The one that the other side has opened.
        var taken: CallLine?
        /// The other side opens one at the most, also where that has ended.
        var hasTaken = false
        /// The message that opens this side's lane, while the line rests.
        var waiting: OutgoingMessage?

        var all: [CallLine] { [opened?.line, taken].compactMap(\.self) }
        var isOpen: Bool { all.contains { $0.closeReason == nil } }
    }

    /// The lane of this side, which is opened at the first call.
    func openedLane() throws(CallError) -> Messenger {
        if let lane = withState(\.lanes.opened) { return lane }
        let (near, far) = try makeLane()
        let lane = Messenger(near, peer: peer, peerID: peerID, handlers: handlers, options: options, isLane: true)
        // Its hello has to be the first message, also where another thread finds the lane at once.
        lane.line.start()
        let outcome: Result<Messenger, CallError> = withState { state in
            if let reason = state.end { return .failure(.lineEnded(reason, .waiting)) }
            // Another thread was quicker.
            if let opened = state.lanes.opened { return .success(opened) }
            state.lanes.opened = lane
            state.lanes.waiting = .bytes(Envelope(operation: .lane).encoded(), transfer: [.port(far)])
            state.sendLane(on: self)
            return .success(lane)
        }
        return try outcome.get()
    }

    private func makeLane() throws(CallError) -> (MessagePort, MessagePort) {
        do throws(PortError) {
            return try MessageChannel.makePair(on: port.eventLoop)
        } catch {
            throw CallError(.lineEnded, "no lane could be opened: \(error.message)", stage: .waiting, cause: error)
        }
    }

    /// The other side has opened a lane.
    func takeLane(_ port: MessagePort) {
        // A lane has no lanes.
        if isLane { return port.close() }
        let lane = CallLine(port, peer: peer, peerID: peerID, handlers: handlers, options: options, isLane: true)
        // Handlers ask back on the line itself.
        lane.messenger = messenger
        let isOver = withState { state in
            if state.end == nil { state.lanes.taken = lane }
            return state.end != nil
        }
        if isOver { port.close() } else { lane.start() }
    }

    /// The line has ended, and its lanes with it.
    func endLanes(_ lanes: [CallLine], _ reason: CloseReason) {
        for lane in lanes {
            lane.end(reason)
            lane.port.close()
        }
    }
}

extension CallLine.State {
    /// Opens this side's lane, ahead of all requests and events that wait.
    mutating func sendLane(on line: CallLine) {
        guard isStarted, !rest.isHeld, let message = lanes.waiting else { return }
        lanes.waiting = nil
        if overflow.isEmpty {
            post(message, on: line)
        } else {
            // The first one may be on its way into the port.
            overflow.insert((message, .nothing), at: isPumping ? 1 : 0)
        }
    }
}
