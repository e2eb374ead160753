import ConnectTo
import ConnectToLinux
import SystemPackage

/// Work on a peer's file, on a thread that the kernel may block for ever. The caller waits only while the work makes
/// progress.
final class FileWork: Sendable {
    private enum Phase {
        case working(lastStep: SuspendingClock.Instant)
        /// The caller waits however long the work takes.
        case committed
        case ended
        case givenUp
    }

    private struct State {
        var phase = Phase.working(lastStep: .now)
        var timer: EventLoop.Timer?
    }

    private let state = Lock(State())

    // MARK: The side of the work

    /// Records that the work has made progress.
    /// - Throws: ``SystemError`` ECANCELED if the caller has given the work up; so does ``commit()``.
    func step() throws(SystemError) { try enter(.working(lastStep: .now)) }

    /// Records that the next step cannot be undone. From here on the caller no longer gives the work up.
    func commit() throws(SystemError) { try enter(.committed) }

    /// - Returns: `false` if the caller has given the work up and does not want the result.
    func end() -> Bool {
        do throws(SystemError) { try enter(.ended) } catch { return false }
        return true
    }

    private func enter(_ phase: Phase) throws(SystemError) {
        let (isGivenUp, timer) = state.withLock { state -> (Bool, EventLoop.Timer?) in
            if case .givenUp = state.phase { return (true, nil) }
            state.phase = phase
            if case .working = phase { return (false, nil) }
            return (false, state.timer.take())
        }
        timer?.cancel()
        if isGivenUp { throw SystemError(operation: "wait", errno: .canceled) }
    }

    // MARK: The side of the caller

    /// Gives the work up, and calls the handler, once it has made no progress for this long.
    func giveUp(after patience: Duration, on loop: EventLoop, _ handler: @escaping @Sendable () -> Void) {
        check(after: patience, patience, loop, handler)
    }

    private func check(
        after delay: Duration, _ patience: Duration, _ loop: EventLoop, _ handler: @escaping @Sendable () -> Void
    ) {
        state.withLock { state in
            guard case .working = state.phase else { return }
            state.timer = loop.schedule(after: delay) { [self] in
                let rest: Duration? = self.state.withLock { state in
                    guard case .working(let lastStep) = state.phase else { return nil }
                    let rest = patience - lastStep.duration(to: .now)
                    if rest <= .zero { state.phase = .givenUp }
                    return rest
                }
                guard let rest else { return }
                if rest > .zero { check(after: rest, patience, loop, handler) } else { handler() }
            }
        }
    }
}
