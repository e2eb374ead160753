import ConnectToLinux
import Synchronization

/// One end of a private line: the socket, the output that waits to be written and the input that waits to be taken.
///
/// The machinery behind a port. The loop holds the line while the socket lives, so what was posted still goes out after
/// the last reference to the port is gone. Posting and taking run on the calling thread; reading runs on the loop. One
/// lock guards all of it, and code under the lock never waits.
final class Line: Sendable {
    let reactor: Reactor
    let limits: PortLimits
    /// Shared with other lines, for example those of the same process.
    let budget: MemoryBudget?
    private let state: Lock<LineState>
    let lastWaiter = Atomic<UInt64>(0)

    /// - Parameter socket: nil for a line that could not be made and is over from the start.
    init(
        _ socket: StreamSocket?, isOpen: Bool, on reactor: Reactor, limits: PortLimits,
        budget: MemoryBudget? = nil
    ) {
        self.reactor = reactor
        self.limits = limits
        self.budget = budget
        state = Lock(
            LineState(
                socket: socket, isOpen: isOpen, limits: limits, tally: budget.map(MemoryTally.init)))
    }

    deinit {
        state.withLock { $0.forgetDescriptors() }
    }

    /// Begins to watch the socket. Until ``start()`` the line notices only the peer's end, and input stays with the
    /// kernel.
    func watch() {
        change { state, wakeups in
            guard let socket = state.socket else { return }
            state.isAwaitingRoom = state.isBlocked
            do throws(SystemError) {
                state.source = try reactor.watch(socket.descriptor.rawValue, for: state.interest) {
                    [self] readiness in
                    isReady(readiness)
                }
            } catch {
                state.apply(state.life.fail(.failed(error)), to: self, &wakeups)
            }
        }
    }

    /// Changes the state under the lock, and wakes the waiters after releasing it. Inlined, since otherwise each caller
    /// pays for a closure and for a copy of its result.
    @inline(__always)
    func change<Result: Sendable>(_ body: (inout LineState, inout Wakeups) -> Result) -> Result {
        var wakeups = Wakeups()
        let result = state.withLock { state in
            defer { state.didChange() }
            return body(&state, &wakeups)
        }
        wakeups.run()
        return result
    }

    /// Changes the state under the lock and does nothing else: the caller itself takes care of
    /// ``LineState/didChange()`` and of waking.
    @inline(__always)
    func withState<Result: Sendable>(_ body: (inout LineState) -> Result) -> Result {
        state.withLock { state in body(&state) }
    }

    func read<Result: Sendable>(_ body: (borrowing LineState) -> Result) -> Result {
        state.withLock { state in body(state) }
    }

    // MARK: Life

    func start() {
        change { state, _ in state.start(for: self) }
    }

    func finish() {
        change { state, wakeups in
            state.resumingReading(for: self) { $0.apply($0.life.finish(), to: self, &wakeups) }
        }
    }

    func close() {
        change { state, wakeups in
            state.apply(state.life.close(), to: self, &wakeups)
        }
    }

    func abort() {
        change { state, wakeups in
            state.apply(state.life.abort(), to: self, &wakeups)
        }
    }

    /// The program has dropped its last reference to the port. Closes the port at once, or after its close handler has
    /// been called for an end that is certain to come.
    func letGo() {
        change { state, wakeups in
            state.isForgotten = true
            if !state.owesEnd { state.apply(state.life.close(), to: self, &wakeups) }
        }
    }

    func didOpen() {
        change { state, wakeups in
            state.apply(state.life.didOpen(), to: self, &wakeups)
            // If the peer hung up before the answer to the introduction, that counts as its end from here on.
            if state.peerHasHungUp { state.readInput(for: self, &wakeups) }
        }
    }

    /// Ends a line that no peer has opened. First reads what the peer may have sent already: if there is anything, the
    /// line is open after all and goes on. From any thread: reading needs the lock alone, and what has to follow on the
    /// loop is left to the loop.
    func failUnlessOpen(_ reason: CloseReason) {
        change { state, wakeups in
            state.mayRead = true
            state.readInput(for: self, &wakeups)
            if !state.life.isOpen { state.apply(state.life.fail(reason), to: self, &wakeups) }
        }
    }

    /// Ends the line without a close frame.
    func fail(_ reason: CloseReason) {
        change { state, wakeups in
            state.apply(state.life.fail(reason), to: self, &wakeups)
        }
    }

    /// Ends the line without shutting its socket down: this side closes its descriptor, and other holders of the socket
    /// can go on using it.
    func abandon() {
        change { state, wakeups in
            let (socket, source) = (state.socket, state.source)
            state.socket = nil
            state.source = nil
            wakeups.add {
                source?.cancel()
                withExtendedLifetime(socket) {}
            }
            state.apply(state.life.fail(.closedHere), to: self, &wakeups)
        }
    }

    // MARK: On the loop

    private func isReady(_ readiness: Readiness) {
        let mustDeliver = change { state, wakeups in
            state.isInEvent = true
            defer { state.isInEvent = false }
            if readiness.contains(.write) {
                state.isBlocked = false
                state.writeOutput(for: self, &wakeups)
                // Stop watching for room: otherwise every message that the peer reads would wake the loop.
                if !state.isBlocked { state.updateInterest() }
            }
            if !readiness.isDisjoint(with: .anyEnd) { state.peerHasHungUp = true }
            if !readiness.isDisjoint(with: .input) { state.mayRead = true }
            if !state.readingIsDue { state.readInput(for: self, &wakeups) }
            defer { state.mustDeliver = false }
            return state.mustDeliver
        }
        if mustDeliver { deliver() }
    }
}
