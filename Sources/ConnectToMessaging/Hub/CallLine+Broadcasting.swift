import ConnectTo

/// An event for many lines, encoded once.
struct Broadcast: Sendable {
    let message: OutgoingMessage
    /// The same, in the form that a port takes at the least cost.
    let batch: MessageBatch
    let cost: Int

    init(_ envelope: Envelope, _ payload: OutgoingMessage?) throws(CallError) {
        message = envelope.message(payload)
        cost = envelope.cost(payload)
        do throws(PortError) {
            var batch = MessageBatch()
            try batch.append(message)
            self.batch = batch
        } catch {
            throw CallError(.notEncodable, error.message, cause: error)
        }
    }
}

extension CallLine {
    /// Sends an event that goes to many lines, as ``post(_:cost:)`` does with one that goes to this one alone.
    func post(_ event: Broadcast) throws(CallError) -> Bool {
        enum Outcome {
            case posted, waits
            case refused(PortError)
        }
        let outcome: Outcome = withState { state in
            guard state.end == nil, state.maySend,
                state.order.sendsAtOnce(cost: event.cost, needsPlace: false, places: 0)
            else { return .waits }
            do {
                try port.postMessages(event.batch)
            } catch {
                // Where the port's queue is full it waits here.
                if let refusal = state.post(event.message, on: self) {
                    state.order.giveBack(event.cost)
                    return .refused(refusal)
                }
            }
            return .posted
        }
        switch outcome {
        case .posted: return true
        case .waits: return try post(event.message, cost: event.cost)
        case .refused(let refusal): throw .refused(refusal)
        }
    }
}
