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

    /// Waits until the kernel has all that was posted, or the patience is over, and then breaks the line off: the peer
    /// sees no close frame. A port that is over by then, or has been given away, stays as it is. A cancelled task
    /// breaks off at once.
    package func breakOff(within patience: Duration) async {
        let timer = line.reactor.schedule(after: patience) { [line] in line.breakOff() }
        await line.wait(for: .flush) { $0.life.reason != nil || $0.isFlushed }
        timer.cancel()
        line.breakOff()
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
