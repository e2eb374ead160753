import ConnectToLinux

extension MessagePort {
    /// A hold on the port's line that does not keep the port alive: when the program drops the port, the port still
    /// closes.
    package var lineHold: LineHold { LineHold(line: line) }
}

/// See ``MessagePort/lineHold``.
package struct LineHold: Sendable {
    fileprivate let line: Line

    /// Waits until a port that was closed on this side has handed over what was posted: until the kernel has all of it,
    /// or the line is over. Returns at once where the port was not closed, and early where the task is cancelled.
    package func waitUntilDelivered() async {
        await line.wait(for: .flush) { $0.life.outbound != .closed || $0.isFlushed }
    }

    /// The same also in a cancelled task, for no longer than the patience. What the kernel does not have by then goes
    /// on in the background.
    package func waitUntilDelivered(within patience: Duration) async {
        await uncancelled {
            await line.wait(for: .flush, within: patience) { $0.life.outbound != .closed || $0.isFlushed }
        }
    }

    /// Closes the port as a program does that stops in order, and waits until the kernel has all that was posted, for
    /// no longer than the patience, also in a cancelled task.
    ///
    /// After a `finish()` the line breaks off: a close frame would say that the messages which this side has not taken
    /// are no loss.
    package func stop(within patience: Duration) async {
        if line.read({ $0.life.outbound == .finished }) {
            return await uncancelled { await breakOff(within: patience) }
        }
        line.close()
        await waitUntilDelivered(within: patience)
    }

    /// Waits until the kernel has all that was posted, or the patience is over, and then breaks the line off: the peer
    /// sees no close frame. A port that is over by then, or has been given away, stays as it is. A cancelled task
    /// breaks off at once.
    package func breakOff(within patience: Duration) async {
        let timer = line.reactor.schedule(after: patience) { [line] in line.breakOff() }
        await line.wait(for: .flush) { $0.life.reason != nil || $0.isFlushed }
        timer.cancel()
        line.breakOff()
    }

    /// Does work in a task of its own, which is not cancelled with this one.
    private func uncancelled(_ work: @escaping @Sendable () async -> Void) async {
        await Task(executorPreference: line.reactor.tasks) { await work() }.value
    }
}

extension Line {
    /// Ends a port without a close frame, if it has not ended yet.
    fileprivate func breakOff() {
        change { state, wakeups in
            if state.life.reason == nil { state.apply(state.life.fail(.closedHere), to: self, &wakeups) }
        }
    }
}
