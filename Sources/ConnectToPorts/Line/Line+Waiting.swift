import ConnectToLinux
import Synchronization

extension Line: MemoryWaiter {
    /// Reads on, and wakes the tasks that wait to post, in a later turn of the loop.
    func thereIsRoom() {
        reactor.execute { [self] in
            change { state, wakeups in
                state.waiters.resume(.room, in: &wakeups)
                state.readInput(for: self, &wakeups)
            }
        }
    }
}

extension Line {
    /// Waits until a condition holds, which is checked whenever the waiters for this event are woken.
    ///
    /// Returns early when the task is cancelled, so the caller has to check the condition again.
    nonisolated(nonsending) func wait(
        for event: LineEvent, until isMet: (borrowing LineState) -> Bool
    ) async {
        while !Task.isCancelled, !read(isMet) { await waitOnce(for: event, unless: isMet) }
    }

    /// The same, but no longer than the limit, if there is one. An event that comes before the limit counts.
    nonisolated(nonsending) func wait(
        for event: LineEvent, within limit: Duration?,
        until isMet: (borrowing LineState) -> Bool
    ) async {
        guard let limit else { return await wait(for: event, until: isMet) }
        let isOver = Latch<Void>()
        let id = nextWaiter()
        let timer = reactor.scheduleDeadline(after: limit) { [self] in
            isOver.set()
            change { state, wakeups in wakeups.add(state.waiters.remove(id)) }
        }
        defer { timer.cancel() }
        while !Task.isCancelled, isOver.value == nil, !read(isMet) {
            await waitOnce(for: event, as: id) { isMet($0) || isOver.value != nil }
        }
    }

    private func nextWaiter() -> UInt64 { lastWaiter.add(1, ordering: .relaxed).newValue }

    /// Waits to be woken once, unless the condition holds already. Runs on the caller's executor: each change of
    /// executor would cost as much as the rest.
    nonisolated(nonsending) func waitOnce(
        for event: LineEvent, as id: UInt64? = nil, unless isMet: (borrowing LineState) -> Bool
    ) async {
        let id = id ?? nextWaiter()
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                change { state, wakeups in
                    // If the task was cancelled already, the cancellation handler has run and found no waiter to
                    // remove.
                    if isMet(state) || Task.isCancelled {
                        wakeups.add(continuation)
                    } else {
                        state.waiters.add(id, for: event, continuation)
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
    ///
    /// - Parameters:
    ///   - size: the length of the message, or of the longest of several.
    ///   - frames: the bytes of all frames, where there are several.
    ///   - post: returns `false` where the line is over.
    func whenThereIsRoom(
        for size: Int, frames: Int? = nil, _ post: () throws(PortError) -> Bool
    ) async throws(PortError) {
        while true {
            try expectSendable(size)
            try await waitForRoom(frames.map { $0 - FrameHeader.size } ?? size)
            do throws(PortError) {
                if try post() { return }
                // The line has ended since; the next check finds the reason.
            } catch {
                if error.code != .queueFull { throw error }
                await waitForLess()
                if Task.isCancelled { throw .waitCancelled }
            }
        }
    }

    private func waitForRoom(_ size: Int) async throws(PortError) {
        while true {
            let (hasRoom, reason) = read {
                // A line that is over must not ask the budget, which would keep it until there is room.
                ($0.life.reason != nil || $0.hasRoomForSend(size, self), $0.life.reason)
            }
            if let reason { throw .closed(reason) }
            if hasRoom { return }
            if Task.isCancelled { throw .waitCancelled }
            await wait(for: .room) { [self] in $0.life.reason != nil || $0.hasRoomForSend(size, self) }
        }
    }

    /// Waits until something leaves the queue, after a post found no room: another caller was quicker, or there were
    /// too many descriptors, which shows only once the things to transfer have been taken from their owners.
    private func waitForLess() async {
        let (count, descriptors, hadMemory) = read {
            ($0.output.count, $0.output.descriptorCount, $0.hasMemory)
        }
        await wait(for: .room) { [self] in
            $0.life.reason != nil || $0.output.isEmpty || $0.output.count < count
                || $0.output.descriptorCount < descriptors
                || !hadMemory && $0.tally?.mayQueue(holding: $0.output.count, self) != false
        }
    }

    private func expectSendable(_ size: Int) throws(PortError) {
        let limit = limits.sentMessageLength
        if size > limit { throw .messageTooLarge(size, limit: limit) }
    }
}
