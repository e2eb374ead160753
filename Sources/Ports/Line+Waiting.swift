import LinuxIO

extension Line {
    /// Waits until a condition holds, woken through the list that the condition's change empties.
    ///
    /// Returns early when the task is cancelled; the caller looks again at what it waited for.
    func wait(
        in list: any WritableKeyPath<LineState, Waiters<Void>> & Sendable,
        until isMet: @escaping @Sendable (inout LineState) -> Bool
    ) async {
        while !Task.isCancelled {
            let id: UInt64? = change { state, _ in
                if isMet(&state) { return nil }
                state.nextWaiter += 1
                return state.nextWaiter
            }
            guard let id else { return }
            await waitOnce(in: list, as: id, unless: isMet)
        }
    }

    private func waitOnce(
        in list: any WritableKeyPath<LineState, Waiters<Void>> & Sendable, as id: UInt64,
        unless isMet: @escaping @Sendable (inout LineState) -> Bool
    ) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                change { state, wakeups in
                    // Cancelled already: the handler has run, and found nobody.
                    if isMet(&state) || Task.isCancelled {
                        wakeups.add(continuation, ())
                    } else {
                        state[keyPath: list].add(id, continuation)
                    }
                }
            }
        } onCancel: {
            change { state, wakeups in
                wakeups.add(state[keyPath: list].remove(id), ())
            }
        }
    }

    /// Posts as soon as there is room.
    func whenThereIsRoom(
        for size: Int, _ post: () throws(PortError) -> Void
    ) async throws(PortError) {
        while true {
            try await waitForRoom(size)
            do throws(PortError) {
                return try post()
            } catch {
                if error.code != .queueFull { throw error }
                await waitForLess()
                if Task.isCancelled { throw .waitCancelled }
            }
        }
    }

    private func waitForRoom(_ size: Int) async throws(PortError) {
        try expectSendable(size)
        while true {
            let (hasRoom, reason) = read { ($0.hasRoomForPatient(size), $0.life.reason) }
            if let reason { throw .closed(reason) }
            if hasRoom { return }
            if Task.isCancelled { throw .waitCancelled }
            await wait(in: \.roomWaiters) { $0.hasRoomForPatient(size) || $0.life.reason != nil }
        }
    }

    /// There was no room after all: somebody else was quicker, or the descriptors were too many, which shows only
    /// when things have been taken apart. Something has to leave the queue.
    private func waitForLess() async {
        let (count, descriptors) = read { ($0.output.count, $0.output.descriptorCount) }
        await wait(in: \.roomWaiters) {
            $0.output.isEmpty || $0.output.count < count || $0.output.descriptorCount < descriptors
                || $0.life.reason != nil
        }
    }

    private func expectSendable(_ size: Int) throws(PortError) {
        let limit = limits.sentMessageLength
        if size > limit { throw .messageTooLarge(size, limit: limit) }
    }

    /// - Parameter bytes: the payload once more, if it can be kept without copying it.
    func post(
        _ kind: FrameKind, _ payload: UnsafeRawBufferPointer, keeping bytes: [UInt8]? = nil
    ) throws(PortError) {
        let failure: PortError? = change { state, wakeups in
            if state.gather(kind, payload) { return nil }
            if let refusal = state.postRefusal(payload.count) { return refusal }
            if state.life.post() == .accept {
                state.traffic?.record(.sent, kind, payload)
                state.send(
                    FrameHeader(kind, length: payload.count), payload, keeping: bytes, for: self, &wakeups)
            }
            return nil
        }
        if let failure { throw failure }
    }
}
