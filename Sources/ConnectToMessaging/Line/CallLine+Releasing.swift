import ConnectTo
import ConnectToLinux
import Synchronization

/// Handing this end of the line over (`dbus/CALLS.md`, section 10).
extension CallLine {
    /// Waits until nothing is under way in either direction, and gives the port back.
    func release(within limit: Duration) async throws(CallError) -> MessagePort {
        let latch = try beginRelease()
        let timer = port.eventLoop.schedule(after: limit) { [weak self] in
            guard let self else { return }
            giveReleaseUp(CallError(.timedOut, "the line was not released within \(limit): \(whatIsUnderWay)"))
        }
        defer { timer.cancel() }
        if let outcome = await latch.wait() { return try outcome.get() }
        giveReleaseUp(CallError(.cancelled, "the task that waited for the line's release was cancelled"))
        // It may be too late for that: then the port is there at once, and has to go to somebody.
        let outcome = await Task { await latch.wait() }.value
        return try (outcome ?? .failure(CallError(.cancelled, "the line was not released"))).get()
    }

    private func beginRelease() throws(CallError) -> Latch<Result<MessagePort, CallError>> {
        let latch = Latch<Result<MessagePort, CallError>>()
        isReleasing.store(true, ordering: .relaxed)
        let refusal: CallError? = withState { state in
            if let reason = state.end { return .lineEnded(reason, .waiting) }
            if state.release != nil {
                return CallError(
                    .alreadyReleasing, "another task releases the line; only one of them can have the port")
            }
            if state.lanes.isOpen {
                return CallError(
                    .laneOpen, "a line with an open lane cannot be released: close the lanes of both sides first")
            }
            state.release = latch
            state.rest.want()
            state.reply(.rest(.wanted), on: self)
            return nil
        }
        if let refusal { throw refusal }
        return latch
    }

    /// The line goes on as before.
    private func giveReleaseUp(_ error: CallError) {
        let latch: Latch<Result<MessagePort, CallError>>? = withState { state in
            guard state.end == nil, let latch = state.release else { return nil }
            state.release = nil
            state.rest.takeBack()
            state.reply(.rest(.over), on: self)
            isReleasing.store(false, ordering: .relaxed)
            return latch
        }
        latch?.set(.failure(error))
    }

    private var whatIsUnderWay: String {
        withStateInRelease { state in
            if !state.rest.isAgreed { return "the other program has not agreed yet" }
            let (made, served) = (state.made.count, state.served.count)
            if made + served > 0 {
                return "\(made) requests of this program and \(served) of the other one are under way"
            }
            return state.lanes.isOpen ? "the other program has opened a lane" : "events are under way"
        }
    }

    /// Something has changed; gives the port back if nothing is under way any more.
    func releaseIfDue() {
        let isDue = withStateInRelease { $0.release != nil && $0.end == nil && $0.isAtRest }
        // On the loop no message is on its way from the port to this line.
        if isDue { port.eventLoop.execute { [self] in finishRelease() } }
    }

    private func finishRelease() {
        let reason = CloseReason(.transferred, detail: "this program released the line")
        let latch: Latch<Result<MessagePort, CallError>>? = withStateInRelease { state in
            guard let latch = state.release, state.end == nil, state.isAtRest else { return nil }
            state.end = reason
            state.disarm()
            return latch
        }
        guard let latch else { return }
        port.onMessage(nil)
        port.onMessageError(nil)
        port.onFinish(nil)
        port.onClose(nil)
        onEnd?(reason)
        opened.set(reason)
        ended.set(reason)
        noteHandled()
        latch.set(.success(port))
    }
}

extension CallLine.State {
    /// Whether the other side is held and nothing is under way in either direction.
    fileprivate var isAtRest: Bool {
        rest.isAgreed && made.isEmpty && served.count == 0 && window.isWhole && order.isEmpty && overflow.isEmpty
            && !isPumping && !lanes.isOpen
    }

    /// The other side's end has a new owner, which has said hello: both sides begin as on a new line.
    ///
    /// - Returns: the lanes of before, which have ended or are about to.
    mutating func beginAnew(on line: CallLine) throws(ProtocolViolation) -> [CallLine] {
        let wantsRest = try rest.begin()
        guard made.isEmpty, served.count == 0 else {
            throw ProtocolViolation("a hello of a new owner while requests are under way")
        }
        made.restart()
        order.restart()
        served.restart(places: line.options.offeredPlaces)
        window.restart()
        reply(line.hello, on: line)
        if wantsRest { reply(.rest(.wanted), on: line) }
        var newLanes = CallLine.Lanes()
        // A lane that was to be opened in the rest is the new owner's.
        if lanes.waiting != nil { swap(&newLanes.opened, &lanes.opened) }
        newLanes.waiting = lanes.waiting
        defer { lanes = newLanes }
        return lanes.all
    }
}
