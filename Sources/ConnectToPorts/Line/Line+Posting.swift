extension Line {
    /// - Parameter bytes: the payload once more, if it can be kept without copying it.
    @inline(__always)
    func post(
        _ kind: FrameKind, _ payload: UnsafeRawBufferPointer, keeping bytes: [UInt8]? = nil
    ) throws(PortError) {
        if withState({ $0.gather(kind, payload) }) { return }
        try postAlone(kind, payload, keeping: bytes)
    }

    /// Apart, so that gathering does not pay for what may follow here.
    @inline(never)
    private func postAlone(
        _ kind: FrameKind, _ payload: UnsafeRawBufferPointer, keeping bytes: [UInt8]?
    ) throws(PortError) {
        let failure: PortError? = change { state, wakeups in
            state.post(kind, payload, keeping: bytes, for: self, &wakeups)
        }
        if let failure { throw failure }
    }

    /// Posts all of them, or none.
    func post(_ batch: MessageBatch) throws(PortError) {
        let failure: PortError? = change { state, wakeups in
            if let refusal = state.postRefusal(batch.longest, frames: batch.size) { return refusal }
            if state.life.post(batch.count) == .accept {
                if let traffic = state.traffic, traffic.isWatched {
                    batch.visit { kind, payload in traffic.record(.sent, kind, payload) }
                }
                state.send(batch, for: self, &wakeups)
            }
            return nil
        }
        if let failure { throw failure }
    }
}

extension LineState {
    /// - Returns: why it was not posted, or nil.
    fileprivate mutating func post(
        _ kind: FrameKind, _ payload: UnsafeRawBufferPointer, keeping bytes: [UInt8]?, for line: Line,
        _ wakeups: inout Wakeups
    ) -> PortError? {
        if let refusal = postRefusal(payload.count) { return refusal }
        if life.post() == .accept {
            traffic?.record(.sent, kind, payload)
            send(FrameHeader(kind, length: payload.count), payload, keeping: bytes, for: line, &wakeups)
        }
        return nil
    }
}
