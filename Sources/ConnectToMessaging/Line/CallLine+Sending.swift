import ConnectTo
import DequeModule

extension CallLine {
    /// Posts what the port had no room for, as it gets some.
    private func pump() async {
        while let message = withState({ $0.leaving() }) {
            do {
                try await port.send(message)
            } catch {
                // The port's own end tells everyone by itself.
                if !error.isEndOfPort { giveUp(error) }
                break
            }
            withState { state in
                if !state.overflow.isEmpty { state.overflow.removeFirst() }
            }
        }
        let streams = withState { state in
            state.isPumping = false
            state.sendWaiting(on: self)
            return state.overflow.isEmpty ? Array(state.served.handlers) : []
        }
        for call in streams { call.resume() }
    }

    fileprivate func startPumping() {
        Task { await pump() }
    }
}

extension CallLine.State {
    /// Whether requests and events go out now, rather than wait.
    var maySend: Bool { isStarted && overflow.isEmpty && !rest.isHeld }

    /// Sends an answer, an element, a cancel or a grant, which never waits behind requests and events.
    ///
    /// - Returns: as ``post(_:_:compressed:giving:on:)``.
    @discardableResult
    mutating func reply(
        _ operation: Envelope.Operation, _ payload: OutgoingMessage? = nil, compressed: [UInt8]? = nil,
        giving gives: CallLine.GivenBack = .nothing, on line: CallLine
    ) -> PortError? {
        if isOver { return nil }
        return post(operation.head, payload, compressed: compressed, giving: gives, on: line)
    }

    /// Posts at once, or behind what the port has no room for.
    ///
    /// - Parameter compressed: the payload's compressed form, which is sent in its place if the line takes it.
    /// - Returns: why the port does not take the message, though it goes on: one that is too long, or brings something
    ///   that cannot be transferred. Then nothing was sent.
    @discardableResult
    mutating func post(
        _ head: Head, _ payload: OutgoingMessage?, compressed: [UInt8]? = nil,
        giving gives: CallLine.GivenBack = .nothing, on line: CallLine
    ) -> PortError? {
        let compressed = compressed != nil && compresses(on: line) ? compressed : nil
        if overflow.isEmpty {
            do {
                try head.post(payload, compressed: compressed, on: line.port)
                return nil
            } catch {
                if error.isEndOfPort { return nil }
                if error.code != .queueFull { return error }
            }
        }
        wait(head.message(payload, compressed: compressed), giving: gives, on: line)
        return nil
    }

    /// The same for a message that has been encoded.
    @discardableResult
    mutating func post(_ message: OutgoingMessage, on line: CallLine) -> PortError? {
        if overflow.isEmpty {
            do {
                try line.port.postMessage(message)
                return nil
            } catch {
                if error.isEndOfPort { return nil }
                if error.code != .queueFull { return error }
            }
        }
        wait(message, giving: .nothing, on: line)
        return nil
    }

    /// Posts a message as soon as the port has room.
    private mutating func wait(_ message: OutgoingMessage, giving gives: CallLine.GivenBack, on line: CallLine) {
        overflow.append((message, gives))
        withhold(gives, 1)
        if isPumping { return }
        isPumping = true
        line.startPumping()
    }

    /// The next message that the port is to take; nil ends the pumping. What it gives back counts from now on, since
    /// the answer to it may come before the port says that it has gone.
    mutating func leaving() -> OutgoingMessage? {
        guard let (message, gives) = overflow.first else {
            isPumping = false
            return nil
        }
        withhold(gives, -1)
        overflow[0].gives = .nothing
        return message
    }

    private mutating func withhold(_ gives: CallLine.GivenBack, _ sign: Int) {
        switch gives {
        case .nothing: break
        case .place: served.withheldPlaces += sign
        case .bytes(let count): window.withheld += sign * Int(count)
        }
    }

    /// How many bytes of what has waited are sent before the other lines of the loop have their turn: as many as a
    /// port moves in one.
    private static let bytesPerTurn = 256 << 10

    /// Sends the requests and events whose turn it is.
    mutating func sendWaiting(on line: CallLine) {
        sendLane(on: line)
        let bound = order.waitingBytes - Self.bytesPerTurn
        while maySend {
            if order.waitingBytes <= bound {
                return line.port.eventLoop.execute { line.withState { state in state.sendWaiting(on: line) } }
            }
            guard let item = order.next(places: made.places) else { return }
            switch item {
            case .request(let call): send(call, on: line)
            case .event(let message):
                guard let refusal = post(usable(message, on: line), on: line) else { continue }
                line.port.eventLoop.execute { line.giveUp(refusal) }
            }
        }
    }

    /// Sends a request, whose cost has been taken off the window.
    mutating func send(_ call: PendingCall, on line: CallLine) {
        let id = made.begin(call, wantsMany: call.wantsMany)
        call.place = .sent(id: id)
        let head = Head(
            .request, flags: call.wantsMany ? Head.many : 0, number: call.deadline?.millisecondsLeft ?? 0, id: id,
            name: call.type)
        guard let refusal = post(head, call.payload, compressed: call.compressed, on: line) else { return }
        made.takeBack(id)
        order.giveBack(call.cost)
        call.place = .givenUp
        // Not here: the caller may do anything when it goes on, and this is under the line's lock.
        line.port.eventLoop.execute { line.withState { _ in call.end(.failed(.refused(refusal))) }() }
    }
}

extension PortError {
    /// Whether the port takes nothing any more, which it tells by itself.
    fileprivate var isEndOfPort: Bool { code == .closed || code == .finished }
}

extension CallError {
    /// The port does not take a message, though it goes on.
    static func refused(_ refusal: PortError) -> CallError {
        CallError(.notEncodable, refusal.message, stage: .waiting, cause: refusal)
    }

    static func lineEnded(_ reason: CloseReason, _ stage: Stage) -> CallError {
        CallError(.lineEnded, "the line has ended: \(reason)", stage: stage, reason: reason)
    }
}
