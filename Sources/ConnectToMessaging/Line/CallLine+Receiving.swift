import ConnectTo
import ConnectToLinux

extension CallLine {
    /// What is to be done outside of the lock about a message that has arrived.
    fileprivate enum Action {
        case nothing
        case wakeUp(PendingCall.Wakeup)
        case serve(Arrival)
        case cancel(ServedCall)
        case resume(ServedCall)
        /// The other side does not keep the line, for a reason that the payload says.
        case refused(Payload)
        /// The other side has opened a lane.
        case lane(MessagePort)
        /// The other side has a new owner, who has no lanes yet.
        case endLanes([CallLine])
    }

    /// A message has arrived; on the port's loop.
    func receive(_ message: Message) {
        do throws(ProtocolViolation) {
            guard message.kind == .bytes else { throw ProtocolViolation("a message of \(message.kind)") }
            let count = message.transferred.count
            if let head = message.withUnsafeBytes({ EventHead($0) }) {
                return try receive(Payload(message, head.body, offset: head.bodyOffset), transferredCount: count)
            }
            let (envelope, offset) = try message.withUnsafeBytes { bytes throws(ProtocolViolation) in
                try Envelope.decode(bytes, transferredCount: count)
            }
            let payload = try payload(of: message, envelope, offset: offset)
            let cost = SendOrder<Void>.cost(length: offset + payload.count, transferredCount: count)
            let result: Result<Action, ProtocolViolation> = withState { state in
                do throws(ProtocolViolation) {
                    return .success(try state.apply(envelope.operation, payload, cost: cost, on: self))
                } catch {
                    return .failure(error)
                }
            }
            perform(try result.get())
        } catch {
            breakOff(error)
        }
    }

    /// An event has arrived.
    private func receive(_ event: Payload, transferredCount: Int) throws(ProtocolViolation) {
        let result: Result<ReceiveWindow.Share?, ProtocolViolation> = withState { state in
            do throws(ProtocolViolation) {
                return .success(try state.receive(event, transferredCount: transferredCount))
            } catch {
                return .failure(error)
            }
        }
        if let share = try result.get() { arrive(event, share) }
    }

    private func perform(_ action: Action) {
        switch action {
        case .nothing: break
        case .wakeUp(let wakeUp): wakeUp()
        case .serve(.event(let payload, let share)): arrive(payload, share)
        case .serve(let arrival): arrive(arrival)
        case .cancel(let call): call.cancel()
        case .resume(let call): call.resume()
        case .refused(let payload): beRefused(payload)
        case .lane(let port): takeLane(port)
        case .endLanes(let lanes): endLanes(lanes, CloseReason(.closed, detail: "the other side handed the line over"))
        }
    }
}

extension CallLine.State {
    /// What an answer does that no task waits for any more.
    private mutating func lateAnswer(to id: UInt64) -> CallLine.Action {
        if late.isEmpty { return .nothing }
        return late.removeValue(forKey: id).map { .wakeUp($0.endLate()) } ?? .nothing
    }

    /// - Returns: the event's part of the window; nil where the line has ended.
    @inline(__always)
    fileprivate mutating func receive(
        _ event: Payload, transferredCount: Int
    ) throws(ProtocolViolation) -> ReceiveWindow.Share? {
        if isOver { return nil }
        guard hello != nil else { throw .noHello }
        guard !rest.isAgreed else { throw .inRest }
        return try window.receive(
            cost: SendOrder<Void>.cost(length: event.messageLength, transferredCount: transferredCount))
    }

    fileprivate mutating func apply(
        _ operation: Envelope.Operation, _ payload: Payload, cost: Int, on line: CallLine
    ) throws(ProtocolViolation) -> CallLine.Action {
        if isOver { return .nothing }
        if case .hello(let hello) = operation {
            let oldLanes = self.hello == nil ? [] : try beginAnew(on: line)
            self.hello = hello
            try made.hello(places: hello.places)
            try order.hello(window: hello.window)
            sendWaiting(on: line)
            line.opened.set(nil)
            return oldLanes.isEmpty ? .nothing : .endLanes(oldLanes)
        }
        guard hello != nil else {
            // The other side may have said these to a former owner of this end, before it has heard of the new one.
            switch operation {
            case .cancel, .grant, .rest: return .nothing
            default: throw .noHello
            }
        }
        switch operation {
        case .hello:
            return .nothing
        case .request where rest.isAgreed, .event where rest.isAgreed, .lane where rest.isAgreed:
            throw .inRest
        case .request(let id, let type, let remaining, let wantsMany):
            let key = try served.begin(id, wantsMany: wantsMany)
            let share = try window.receive(cost: cost)
            return .serve(
                .request(
                    id: id, key: key, type: type, remaining: remaining, wantsMany: wantsMany, payload, share))
        case .event(let type):
            if type == CallLine.refusal { return .refused(payload) }
            let share = try window.receive(cost: cost)
            return .serve(.event(payload, share))
        case .element(let id):
            guard let call = try made.element(id) else { return .nothing }
            return .wakeUp(call.receive(payload))
        case .result(let id, let keepsPlace):
            let call = try made.answer(id, keepsPlace: keepsPlace)
            sendWaiting(on: line)
            return call.map { .wakeUp($0.end(.result(payload))) } ?? lateAnswer(to: id)
        case .failure(let id, let code, let text, let keepsPlace):
            let call = try made.answer(id, keepsPlace: keepsPlace)
            sendWaiting(on: line)
            let error = CallError(
                CallError.Code(rawValue: code), text, details: payload.kind == nil ? nil : payload)
            return call.map { .wakeUp($0.end(.failed(error))) } ?? lateAnswer(to: id)
        case .cancel(let id):
            return try served.cancel(id).map { .cancel($0) } ?? .nothing
        case .grant(.places(let count)):
            try made.grantPlaces(count)
            sendWaiting(on: line)
            return .nothing
        case .grant(.window(let count)):
            try order.grant(Int(count))
            sendWaiting(on: line)
            return .nothing
        case .grant(.elements(let count, let id)):
            return try served.grantElements(count, of: id).map { .resume($0) } ?? .nothing
        case .rest(let word):
            if try rest.receive(word) { reply(.rest(.agreed), on: line) }
            sendWaiting(on: line)
            return .nothing
        case .lane:
            guard let port = payload.transferred.first?.port else { throw ProtocolViolation("a lane without a port") }
            guard !lanes.hasTaken else { throw ProtocolViolation("a second lane") }
            lanes.hasTaken = true
            return .lane(port)
        }
    }
}

extension ProtocolViolation {
    fileprivate static var noHello: ProtocolViolation {
        ProtocolViolation("a first message that is not a hello: this is a plain port")
    }

    fileprivate static var inRest: ProtocolViolation {
        ProtocolViolation("a request, event or lane in a rest that it has agreed to")
    }
}
