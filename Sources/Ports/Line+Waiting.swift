import LinuxIO
import Synchronization

extension Line {
    /// Waits until a condition holds, looked at whenever those who wait for that are woken.
    ///
    /// Returns early when the task is cancelled; the caller looks again at what it waited for.
    nonisolated(nonsending) func wait(
        for awaited: Awaited, until isMet: @escaping @Sendable (borrowing LineState) -> Bool
    ) async {
        while !Task.isCancelled, !read(isMet) { await waitOnce(for: awaited, unless: isMet) }
    }

    /// Waits to be woken, if the condition does not hold yet. Where the caller is: each change of the executor
    /// would cost as much as the rest.
    nonisolated(nonsending) func waitOnce(
        for awaited: Awaited, unless isMet: @escaping @Sendable (borrowing LineState) -> Bool
    ) async {
        let id = lastWaiter.add(1, ordering: .relaxed).newValue
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                change { state, wakeups in
                    // Cancelled already: the handler has run, and found nobody.
                    if isMet(state) || Task.isCancelled {
                        wakeups.add(continuation)
                    } else {
                        state.waiters.add(id, for: awaited, continuation)
                    }
                }
            }
        } onCancel: {
            change { state, wakeups in
                wakeups.add(state.waiters.remove(id))
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
            await wait(for: .room) { $0.hasRoomForPatient(size) || $0.life.reason != nil }
        }
    }

    /// There was no room after all: somebody else was quicker, or the descriptors were too many, which shows only
    /// when things have been taken apart. Something has to leave the queue.
    private func waitForLess() async {
        let (count, descriptors) = read { ($0.output.count, $0.output.descriptorCount) }
        await wait(for: .room) {
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
