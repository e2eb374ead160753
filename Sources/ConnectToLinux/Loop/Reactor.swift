import CConnectToLinux
import Glibc
import Synchronization

/// The event loop: one epoll set, and the thread that runs it.
///
/// The reactor is a serial executor for actors; its ``ReactorTasks`` is a task executor. Both run their jobs between
/// two polls of the kernel, on the thread that handles the events. Handlers, calls and timers run on that thread too.
/// None of them may block it.
///
/// One turn of the loop handles events, then calls, jobs, timers, and last the closures of ``atTurnEnd(_:)``. The loop
/// turns until no work is left, and then sleeps until an event, a call or a timer wakes it.
///
/// The loop is driven either by a thread of its own, or by a foreign main loop that watches ``pollableDescriptor`` and
/// calls ``runReady()`` (see ``Drive``).
package final class Reactor: Sendable {
    /// Which thread runs the loop's turns.
    package enum Drive: Sendable {
        case ownThread
        /// A main loop of the program (GLib, Qt), which calls ``Reactor/runReady()``, always on the same thread.
        case foreignLoop
    }

    let epoll: Descriptor
    private let wakeup: Descriptor
    let timerDescriptor: Descriptor
    let state = Lock(State())
    /// The thread that runs a turn now; 0 between turns.
    private let turningThread = Atomic<UInt>(0)
    private let turns = Atomic<UInt64>(0)
    private let spinNanoseconds = Atomic<UInt64>(0)
    /// Made at first use, since it has to know the reactor.
    let taskExecutor = Lock<ReactorTasks?>(nil)

    struct State {
        var work = Work()
        var turnEnds: [@Sendable () -> Void] = []
        var sources = SourceTable()
        var timers = TimerQueue()
        /// The deadline that the kernel's timer is set to; 0 if it is disarmed.
        var armedDeadline: UInt64 = 0
        /// The eventfd has been written to since the loop last checked for work.
        var isWoken = false

        var hasWork: Bool { !work.calls.isEmpty || !work.jobs.isEmpty || !turnEnds.isEmpty }
    }

    /// Calls and jobs that wait to be run once. The loop swaps them for an empty `Work` of its own, so that the arrays
    /// keep their memory and no turn allocates.
    struct Work {
        var calls: [@Sendable () -> Void] = []
        var jobs: [Job] = []
    }

    private static let wakeupToken = SourceTable.firstToken - 1
    private static let timerToken = SourceTable.firstToken - 2
    private static let eventsPerPoll = 64
    private static let turnsPerCall = 64
    /// How many times one turn runs the jobs that the previous round of jobs has enqueued.
    private static let roundsPerTurn = 32

    /// - Throws: ``SystemError`` where the process can open no more descriptors or start no more threads.
    package init(drivenBy drive: Drive = .ownThread, name: String = "connectto") throws(SystemError) {
        epoll = Descriptor(adopting: try systemCall("epoll_create1") { clinux_epoll_create() })
        wakeup = Descriptor(adopting: try systemCall("eventfd") { clinux_eventfd() })
        timerDescriptor = Descriptor(adopting: try systemCall("timerfd_create") { clinux_timerfd() })
        // Edge-triggered, so that the counter need not be read back.
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
            // The thread never ends, because a loop is created once and shared until the process exits.
            try startDetachedThread(named: name) { [self] in
                var work = Work()
                while true { turn(waiting: true, &work) }
            }
        case .foreignLoop: break
        }
    }

    /// How long the loop polls without sleeping before it sleeps. At most 10 ms; 0 by default.
    package var spinTime: Duration {
        get { .nanoseconds(Int64(spinNanoseconds.load(ordering: .relaxed))) }
        set {
            let time = min(max(newValue, .zero), .milliseconds(10))
            spinNanoseconds.store(time.wholeNanoseconds, ordering: .relaxed)
        }
    }

    // MARK: Driving from a foreign main loop

    /// A descriptor that is readable whenever the loop has work, for `poll`, GLib or Qt. Valid while the reactor lives.
    package var pollableDescriptor: Int32 { epoll.rawValue }

    /// Runs everything that is ready, without waiting. Always to be called on the same thread.
    ///
    /// Work that leads to more work without end (a peer that floods) does not keep the caller: after 64 turns this
    /// returns, and ``pollableDescriptor`` is readable at once.
    ///
    /// A handler may run the foreign loop from inside (a modal dialogue), which then calls this again. The inner call
    /// runs the work that has arrived since, before the outer turn continues.
    package func runReady() {
        var work = Work()
        for _ in 0..<Self.turnsPerCall {
            turn(waiting: false, &work)
            if prepareToSleep() { return }
        }
        state.withLock { $0.isWoken = true }
        // Write to the eventfd even if isWoken was set: an earlier turn may have consumed the edge of that write.
        wake()
    }

    // MARK: The current turn

    /// Whether the caller runs on the loop, that is, inside one of its turns.
    package var isCurrent: Bool { turningThread.load(ordering: .relaxed) == pthread_self() }

    /// The number of the turn. Each turn has another one, and none has 0.
    package var turnNumber: UInt64 { turns.load(ordering: .relaxed) }

    // MARK: Work

    /// Runs a closure on the loop, in the order of the calls. May be called on any thread.
    package func execute(_ call: @escaping @Sendable () -> Void) {
        submit { $0.work.calls.append(call) }
    }

    /// Runs a closure once, at the end of the current turn, after all its events, jobs and timers.
    ///
    /// For work that is cheaper done once for the whole turn: applying changes, flushing output.
    package func atTurnEnd(_ call: @escaping @Sendable () -> Void) {
        submit { $0.turnEnds.append(call) }
    }

    func submit(_ change: (inout State) -> Void) {
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
        // This fails only where the counter is at its maximum, and then the loop is awake already.
        _ = try? systemCall("write") { write(wakeup.rawValue, &one, 8) }
    }

    // MARK: The turn

    private func turn(waiting: Bool, _ work: inout Work) {
        let sleeps = prepareToSleep() && waiting
        // On the stack, so that a turn allocates nothing.
        withUnsafeTemporaryAllocation(of: clinux_event.self, capacity: Self.eventsPerPoll) { events in
            let ready = sleeps ? sleep(into: events) : poll(into: events, timeout: 0)
            turns.add(1, ordering: .relaxed)
            let outer = turningThread.load(ordering: .relaxed)
            turningThread.store(pthread_self(), ordering: .relaxed)
            defer { turningThread.store(outer, ordering: .relaxed) }
            handle(ready)
            if run(&work) { runDueTimers() }
            runTurnEnds()
        }
    }

    /// Waits for events. Polls without sleeping for the first ``spinTime``.
    private func sleep(
        into events: UnsafeMutableBufferPointer<clinux_event>
    ) -> Slice<UnsafeMutableBufferPointer<clinux_event>> {
        let spin = spinNanoseconds.load(ordering: .relaxed)
        if spin > 0 {
            let end = clinux_monotonic_nanoseconds() &+ spin
            repeat {
                let ready = poll(into: events, timeout: 0)
                if !ready.isEmpty { return ready }
            } while clinux_monotonic_nanoseconds() < end
        }
        return poll(into: events, timeout: -1)
    }

    /// Asks the kernel for events, and waits for them up to `timeout` milliseconds (-1: without limit).
    private func poll(
        into events: UnsafeMutableBufferPointer<clinux_event>, timeout: Int32
    ) -> Slice<UnsafeMutableBufferPointer<clinux_event>> {
        do {
            let count = try systemCall("epoll_wait") {
                clinux_epoll_wait(epoll.rawValue, events.baseAddress, Int32(events.count), timeout)
            }
            return events.prefix(Int(count))
        } catch {
            // Some code in this process has closed a descriptor that it does not own. The loop could only spin now.
            preconditionFailure(
                "the event loop cannot use its epoll descriptor (\(error)): code in this process has closed it, "
                    + "or put another file in its place")
        }
    }

    private func handle(_ events: Slice<UnsafeMutableBufferPointer<clinux_event>>) {
        for event in events {
            switch event.token {
            case Self.wakeupToken: break
            // The kernel's timer has expired, and so is disarmed.
            case Self.timerToken: state.withLock { $0.armedDeadline = 0 }
            default:
                // Look each source up only now: the handler before it may have cancelled it.
                if let handler = state.withLock({ $0.sources[event.token] }) {
                    handler(Readiness(rawValue: event.events))
                }
            }
        }
    }

    /// If no work waits, has the next submitted work and the earliest timer wake the loop.
    ///
    /// - Returns: False if work waits: then the loop must not sleep.
    private func prepareToSleep() -> Bool {
        state.withLock { state in
            if state.hasWork { return false }
            state.isWoken = false
            armTimer(&state)
            return true
        }
    }

    /// Runs the waiting calls and jobs, and the jobs that those enqueue, so that a task which waits for another costs
    /// no poll. A call that is submitted meanwhile waits for the next turn.
    ///
    /// - Returns: whether there are timers.
    private func run(_ work: inout Work) -> Bool {
        state.withLock { swap(&$0.work, &work) }
        for call in work.calls { call() }
        work.calls.empty()
        for _ in 0..<Self.roundsPerTurn {
            for job in work.jobs { job.run(on: self) }
            work.jobs.empty()
            let hasTimers = state.withLock { state in
                swap(&state.work.jobs, &work.jobs)
                return !state.timers.isEmpty
            }
            if work.jobs.isEmpty { return hasTimers }
        }
        // The next turn runs the remaining jobs before all others.
        state.withLock { $0.work.jobs.insert(contentsOf: work.jobs, at: 0) }
        work.jobs.empty()
        return true
    }

    private func runDueTimers() {
        // A timer that becomes due while these run waits for the next turn.
        let now = clinux_monotonic_nanoseconds()
        // Remove them one by one: a timer may cancel another one that is due too.
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

extension Array {
    /// Removes all elements, and keeps the memory unless a rush has made it large.
    fileprivate mutating func empty() {
        removeAll(keepingCapacity: capacity <= 1_024)
    }
}
