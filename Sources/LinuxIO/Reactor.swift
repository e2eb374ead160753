import CLinux
import Glibc
import Synchronization

/// The event loop: one epoll set, and whoever turns it.
///
/// The reactor is a `TaskExecutor` and a `SerialExecutor`: a task or an actor on it runs between two looks
/// at the kernel, on the same thread as the events themselves, so that nothing hops. Everything else on it
/// is called on that thread too, and must not block it.
///
/// A turn is: events, jobs, timers, then what asked for the turn's end; again until nothing is left, then
/// sleep. While it has nothing to do it does not wake.
///
/// Either a thread of its own turns it (``init(name:)``), or a foreign main loop does, by watching
/// ``pollableDescriptor`` and calling ``runReady()`` (``init(drivenBy:)``).
package final class Reactor: Sendable {
    /// Who turns the loop.
    package enum Drive: Sendable {
        case ownThread
        /// Somebody else's main loop; it calls ``Reactor/runReady()`` on one and the same thread.
        case foreignLoop
    }

    private let epoll: Descriptor
    private let wakeup: Descriptor
    private let timerDescriptor: Descriptor
    private let state = Lock(State())
    /// The thread inside a turn, 0 outside of one.
    private let turningThread = Atomic<UInt>(0)
    private let turns = Atomic<UInt64>(0)

    private struct State {
        var jobs: [Job] = []
        var calls: [@Sendable () -> Void] = []
        var turnEnds: [@Sendable () -> Void] = []
        var sources: [UInt64: @Sendable (Readiness) -> Void] = [:]
        var nextToken: UInt64 = firstSourceToken
        var timers = TimerQueue()
        /// The deadline the kernel's timer is set to; 0 is disarmed.
        var armedDeadline: UInt64 = 0
        /// Somebody has written to the eventfd and the loop has not looked since.
        var isWoken = false

        var hasWork: Bool { !jobs.isEmpty || !calls.isEmpty || !turnEnds.isEmpty }
    }

    private struct Job {
        let job: UnownedJob
        /// Whether it belongs to an actor on the loop. A task's job that ran as one of an actor's would leave the
        /// actor, by way of this queue, at the first asynchronous function that it calls; and at the next.
        let isIsolated: Bool
    }

    private static let wakeupToken: UInt64 = 0
    private static let timerToken: UInt64 = 1
    private static let firstSourceToken: UInt64 = 2
    private static let eventsPerLook = 64
    private static let turnsPerCall = 64

    /// - Throws: ``SystemError`` where the process has no descriptors or threads left.
    package init(drivenBy drive: Drive = .ownThread, name: String = "connectto") throws(SystemError) {
        epoll = Descriptor(adopting: try systemCall("epoll_create1") { clinux_epoll_create() })
        wakeup = Descriptor(adopting: try systemCall("eventfd") { clinux_eventfd() })
        timerDescriptor = Descriptor(adopting: try systemCall("timerfd_create") { clinux_timerfd() })
        // The wake-up is edge-triggered: nobody has to read the counter back.
        try systemCall("epoll_ctl") {
            clinux_epoll_add(
                epoll.rawValue, wakeup.rawValue, CLINUX_IN | CLINUX_EDGE, Self.wakeupToken)
        }
        try systemCall("epoll_ctl") {
            clinux_epoll_add(
                epoll.rawValue, timerDescriptor.rawValue, CLINUX_IN | CLINUX_EDGE, Self.timerToken)
        }
        switch drive {
        case .ownThread:
            // The thread lives as long as the process: a loop is made once, and shared.
            try startDetachedThread(named: name) { [self] in
                while true { turn(waiting: true) }
            }
        case .foreignLoop: break
        }
    }

    // MARK: Driving from a foreign main loop

    /// Readable whenever there is something to run. For `poll`, GLib, Qt; valid while the reactor lives.
    package var pollableDescriptor: Int32 { epoll.rawValue }

    /// Runs all that is ready, without waiting. To be called on one thread only.
    ///
    /// Work that brings new work without end (a peer that floods) does not keep the caller: after 64 turns
    /// the rest is left, and the descriptor is readable at once.
    ///
    /// A handler that runs the foreign loop from inside (a modal dialogue) may get here once more: what
    /// has come since is run then, before the rest of the outer turn.
    package func runReady() {
        for _ in 0..<Self.turnsPerCall {
            turn(waiting: false)
            if !hasWorkOrRests() { return }
        }
        state.withLock { $0.isWoken = true }
        // Whoever has set that before may have done so long ago, and its edge be gone.
        wake()
    }

    // MARK: Where am I

    /// Whether the caller is on the loop, that is, inside one of its turns.
    package var isCurrent: Bool { turningThread.load(ordering: .relaxed) == pthread_self() }

    /// Another one in each turn, and never 0 inside of one.
    package var turnNumber: UInt64 { turns.load(ordering: .relaxed) }

    // MARK: Work

    /// Runs a closure on the loop, in the order of the calls. From any thread.
    package func execute(_ call: @escaping @Sendable () -> Void) {
        submit { $0.calls.append(call) }
    }

    /// Runs a closure once at the end of the present turn, after all its events, jobs and timers.
    ///
    /// For what is worth gathering: applying changes, flushing output.
    package func atTurnEnd(_ call: @escaping @Sendable () -> Void) {
        submit { $0.turnEnds.append(call) }
    }

    private func submit(_ change: (inout State) -> Void) {
        let mustWake = state.withLock { state in
            change(&state)
            if state.isWoken || isCurrent { return false }
            state.isWoken = true
            return true
        }
        if mustWake { wake() }
    }

    private func wake() {
        var one: UInt64 = 1
        // The only way this can fail is a counter at its end, and then the loop is awake.
        _ = try? systemCall("write") { write(wakeup.rawValue, &one, 8) }
    }

    // MARK: Timers

    /// Runs a closure on the loop once, not before the given time has gone by.
    ///
    /// The clock is CLOCK_MONOTONIC: it stands still while the machine sleeps, and nobody can set it.
    @discardableResult
    package func schedule(after delay: Duration, _ call: @escaping @Sendable () -> Void) -> Timer {
        let now = clinux_monotonic_nanoseconds()
        let deadline = now &+ max(1, delay.wholeNanoseconds)
        let id = state.withLock { state in
            let id = state.timers.insert(deadline: deadline, call)
            armTimerOffLoop(&state)
            return id
        }
        return Timer(id: id, reactor: self)
    }

    package struct Timer: Sendable {
        fileprivate let id: UInt64
        fileprivate let reactor: Reactor

        /// From here on the closure does not run; if it is running, it runs to its end.
        package func cancel() {
            // The closure is let go outside of the lock: it may own what calls back into the reactor.
            let call = reactor.state.withLock { state in
                let call = state.timers.cancel(id)
                reactor.armTimerOffLoop(&state)
                return call
            }
            withExtendedLifetime(call) {}
        }
    }

    /// The loop itself tells the kernel only when it goes to rest, once for all that has changed meanwhile.
    private func armTimerOffLoop(_ state: inout State) {
        if !isCurrent { armTimer(&state) }
    }

    /// Tells the kernel of the earliest deadline if that has changed, so that no wake-up is for nothing.
    private func armTimer(_ state: inout State) {
        let earliest = state.timers.earliestDeadline() ?? 0
        if earliest == state.armedDeadline { return }
        state.armedDeadline = earliest
        _ = clinux_timerfd_set(timerDescriptor.rawValue, earliest)
    }

    // MARK: Events

    /// Watches a descriptor; the closure runs on the loop with what it became ready for.
    ///
    /// The caller keeps the descriptor open until it has called ``Source/cancel()``.
    /// - Throws: ``SystemError``; `notPermitted` where the descriptor is of a kind that is always ready
    ///   (a regular file, /dev/null).
    package func watch(
        _ descriptor: Int32, for readiness: Readiness, _ handler: @escaping @Sendable (Readiness) -> Void
    ) throws(SystemError) -> Source {
        let token = state.withLock { state in
            let token = state.nextToken
            state.nextToken += 1
            state.sources[token] = handler
            return token
        }
        do throws(SystemError) {
            try systemCall("epoll_ctl") {
                clinux_epoll_add(epoll.rawValue, descriptor, readiness.rawValue, token)
            }
        } catch {
            _ = state.withLock { $0.sources.removeValue(forKey: token) }
            throw error
        }
        return Source(token: token, descriptor: descriptor, reactor: self)
    }

    package struct Source: Sendable {
        fileprivate let token: UInt64
        fileprivate let descriptor: Int32
        fileprivate let reactor: Reactor

        /// Watches for something else from here on; an edge that holds already is told again. Does nothing once
        /// cancelled.
        package func change(to readiness: Readiness) {
            guard reactor.state.withLock({ $0.sources[token] != nil }) else { return }
            _ = clinux_epoll_modify(reactor.epoll.rawValue, descriptor, readiness.rawValue, token)
        }

        /// Watches no more. The handler does not run again once this has returned on the loop; elsewhere it
        /// may be running while this returns. A second call does nothing: by then the descriptor's number may
        /// be another's.
        package func cancel() {
            // The closure is let go outside of the lock: it may own what calls back into the reactor.
            let handler = reactor.state.withLock { $0.sources.removeValue(forKey: token) }
            guard handler != nil else { return }
            _ = clinux_epoll_remove(reactor.epoll.rawValue, descriptor)
        }
    }

    // MARK: The turn

    private func turn(waiting: Bool) {
        let timeout: Int32 = hasWorkOrRests() || !waiting ? 0 : -1
        // On the stack: a turn allocates nothing.
        withUnsafeTemporaryAllocation(of: clinux_event.self, capacity: Self.eventsPerLook) { events in
            let ready = look(into: events, timeout: timeout)
            turns.add(1, ordering: .relaxed)
            let outer = turningThread.load(ordering: .relaxed)
            turningThread.store(pthread_self(), ordering: .relaxed)
            defer { turningThread.store(outer, ordering: .relaxed) }
            handle(ready)
            runCallsAndJobs()
            runDueTimers()
            runTurnEnds()
        }
    }

    /// What the kernel has, waiting for it as long as the timeout says (milliseconds, -1 for ever).
    private func look(
        into events: UnsafeMutableBufferPointer<clinux_event>, timeout: Int32
    ) -> Slice<UnsafeMutableBufferPointer<clinux_event>> {
        do {
            let count = try systemCall("epoll_wait") {
                clinux_epoll_wait(epoll.rawValue, events.baseAddress, Int32(events.count), timeout)
            }
            return events.prefix(Int(count))
        } catch {
            // Somebody has closed a descriptor that is not theirs. To go on would be to spin.
            preconditionFailure("the event loop has lost its epoll set: \(error)")
        }
    }

    private func handle(_ events: Slice<UnsafeMutableBufferPointer<clinux_event>>) {
        for event in events {
            switch event.token {
            case Self.wakeupToken: break
            // It has gone off, and is disarmed.
            case Self.timerToken: state.withLock { $0.armedDeadline = 0 }
            default:
                // Looked up one by one: a handler may cancel a source that stands later in the list.
                if let handler = state.withLock({ $0.sources[event.token] }) {
                    handler(Readiness(rawValue: event.events))
                }
            }
        }
    }

    /// Whether there is work; if not, whoever submits some from here on must wake the loop, and so does the
    /// earliest timer.
    private func hasWorkOrRests() -> Bool {
        state.withLock { state in
            if state.hasWork { return true }
            state.isWoken = false
            armTimer(&state)
            return false
        }
    }

    private func runCallsAndJobs() {
        let (calls, jobs) = state.withLock { state in
            defer {
                state.calls = []
                state.jobs = []
            }
            return (state.calls, state.jobs)
        }
        for call in calls { call() }
        let (actors, tasks) = (asUnownedSerialExecutor(), asUnownedTaskExecutor())
        for job in jobs {
            if job.isIsolated {
                job.job.runSynchronously(isolatedTo: actors, taskExecutor: tasks)
            } else {
                job.job.runSynchronously(on: tasks)
            }
        }
    }

    private func runDueTimers() {
        guard state.withLock({ !$0.timers.isEmpty }) else { return }
        // What becomes due while these run waits for the next turn.
        let now = clinux_monotonic_nanoseconds()
        // Taken one by one: a timer may cancel another that is due with it.
        while let call = state.withLock({ $0.timers.removeFirstDue(at: now) }) { call() }
    }

    private func runTurnEnds() {
        let calls = state.withLock { state in
            defer { state.turnEnds = [] }
            return state.turnEnds
        }
        for call in calls { call() }
    }
}

// MARK: Executor

extension Reactor: TaskExecutor, SerialExecutor {
    package func enqueue(_ job: consuming ExecutorJob) {
        enqueue(Job(job: UnownedJob(job), isIsolated: false))
    }

    /// What is given to the executor of actors; the two protocols have one name for it.
    @_implements(SerialExecutor,enqueue(_:))
    package func enqueueIsolated(_ job: consuming ExecutorJob) {
        enqueue(Job(job: UnownedJob(job), isIsolated: true))
    }

    private func enqueue(_ job: Job) {
        submit { $0.jobs.append(job) }
    }

    package func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        UnownedSerialExecutor(ordinary: self)
    }

    package func asUnownedTaskExecutor() -> UnownedTaskExecutor {
        UnownedTaskExecutor(ordinary: self)
    }

    package func checkIsolated() {
        precondition(isCurrent, "this must run on the event loop")
    }

    package func isIsolatingCurrentContext() -> Bool? { isCurrent }
}
