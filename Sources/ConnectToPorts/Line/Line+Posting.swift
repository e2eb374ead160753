extension Line {
    /// - Parameter owner: the object that keeps the payload at its address, if there is one.
    /// - Returns: `false` where the line is over; the message was dropped.
    func post(
        _ kind: FrameKind, _ payload: UnsafeRawBufferPointer, keeping owner: PayloadOwner? = nil
    ) throws(PortError) -> Bool {
        gather(kind, payload) ? true : try postAlone(kind, payload, keeping: owner)
    }

    /// The quick path of posting. Does not throw, so that its callers pay for neither an error nor an owner of the
    /// payload.
    /// - Returns: `false` where the message was not posted, and ``postAlone(_:_:keeping:)`` has to.
    @inline(__always)
    func gather(_ kind: FrameKind, _ payload: UnsafeRawBufferPointer) -> Bool {
        withState { $0.gather(kind, payload) }
    }

    /// Posts a message that has not been gathered. A function of its own, so that the quick path does not pay for these
    /// steps.
    @inline(never)
    func postAlone(
        _ kind: FrameKind, _ payload: UnsafeRawBufferPointer, keeping owner: PayloadOwner?
    ) throws(PortError) -> Bool {
        try change { state, wakeups in
            state.post(kind, payload, keeping: owner, for: self, &wakeups)
        }.get()
    }

    /// Posts a message in place of the one that waits under the key, if there is one.
    /// - Returns: `false` where the line is over; the message was dropped.
    func post(
        _ kind: FrameKind, _ payload: UnsafeRawBufferPointer, keeping owner: PayloadOwner?, replacing key: String
    ) throws(PortError) -> Bool {
        let result: Result<Bool, PortError> = change { state, wakeups in
            let header = FrameHeader(kind, length: payload.count)
            let replaced = state.output.waitingSize(under: key)
            let growth = FrameHeader.size + payload.count - (replaced ?? 0)
            if let refusal = state.postRefusal(payload.count, growth: growth) { return .failure(refusal) }
            // A message that replaces another takes its place in the peer's count too.
            let isCounted = replaced != nil && state.life.takesPosts
            guard isCounted || state.life.post() == .accept else { return .success(false) }
            state.traffic?.record(.sent, kind, payload)
            state.send(header, payload, keeping: owner, replacing: key, for: self, &wakeups)
            return .success(true)
        }
        return try result.get()
    }

    /// Posts all messages of the batch, or none.
    /// - Returns: `false` where the line is over; the messages were dropped.
    func post(_ batch: MessageBatch) throws(PortError) -> Bool {
        let result: Result<Bool, PortError> = change { state, wakeups in
            if let refusal = state.postRefusal(batch.longest, frames: batch.size) { return .failure(refusal) }
            guard state.life.post(batch.count) == .accept else { return .success(false) }
            if let traffic = state.traffic, traffic.isWatched {
                batch.visit { kind, payload in traffic.record(.sent, kind, payload) }
            }
            state.send(batch, for: self, &wakeups)
            return .success(true)
        }
        return try result.get()
    }
}

extension LineState {
    /// - Returns: whether the line took the message, or why it was not posted.
    fileprivate mutating func post(
        _ kind: FrameKind, _ payload: UnsafeRawBufferPointer, keeping owner: PayloadOwner?, for line: Line,
        _ wakeups: inout Wakeups
    ) -> Result<Bool, PortError> {
        if let refusal = postRefusal(payload.count) { return .failure(refusal) }
        guard life.post() == .accept else { return .success(false) }
        traffic?.record(.sent, kind, payload)
        send(FrameHeader(kind, length: payload.count), payload, keeping: owner, for: line, &wakeups)
        return .success(true)
    }
}
