import ConnectTo

/// An event for many lines, encoded once.
struct Broadcast: Sendable {
    let message: OutgoingMessage
    /// The same, in the form that a port takes at the least cost.
    let batch: MessageBatch
    let cost: Int

    init(_ event: Head, _ payload: OutgoingMessage?) throws(CallError) {
        message = event.message(payload)
        cost = event.cost(payload)
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
    /// Sends an event that goes to many lines, as ``post(_:_:compressed:)`` does with one that goes to this one alone.
    func post(_ event: Broadcast) throws(CallError) -> Bool {
        try postEvent(cost: event.cost, message: event.message) { state in
            do {
                try port.postMessages(event.batch)
                return nil
            } catch {
                // Where the port's queue is full it waits here.
                return state.post(event.message, on: self)
            }
        }
    }
}
