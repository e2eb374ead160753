import CConnectToLinux
import Glibc
import Synchronization

/// The event loop: one epoll set, and whoever turns it.
///
/// Actors have it as their executor, tasks its ``ReactorTasks``: both run between two looks at the kernel, on the
/// same thread as the events themselves. Everything else on it is called on that thread too, and must not block it.
///
/// A turn is: events, calls, jobs, timers, then what asked for the turn's end; again until nothing is left, then
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

    let epoll: Descriptor
    private let wakeup: Descriptor
    let timerDescriptor: Descriptor
    let state = Lock(State())
    /// The thread inside a turn, 0 outside of one.
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
        /// The deadline the kernel's timer is set to; 0 is disarmed.
        var armedDeadline: UInt64 = 0
        /// Somebody has written to the eventfd and the loop has not looked since.
        var isWoken = false

        var hasWork: Bool { !work.calls.isEmpty || !work.jobs.isEmpty || !turnEnds.isEmpty }
    }

    /// What is to be run once. Whoever runs it has one of these too, and gives it back empty: so none allocates.
    struct Work {
        var calls: [@Sendable () -> Void] = []
        var jobs: [Job] = []
    }

    private static let wakeupToken = SourceTable.firstToken - 1
    private static let timerToken = SourceTable.firstToken - 2
    private static let eventsPerLook = 64
    private static let turnsPerCall = 64
    /// How often in a turn jobs are run that came with jobs.
    private static let roundsPerTurn = 32

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
                var work = Work()
                while true { turn(waiting: true, &work) }
            }
        case .foreignLoop: break
        }
    }

    /// How long the loop looks again and again before it sleeps; 10 ms at the most.
    package var spinTime: Duration {
        get { .nanoseconds(Int64(spinNanoseconds.load(ordering: .relaxed))) }
        set {
            let time = min(max(newValue, .zero), .milliseconds(10))
            spinNanoseconds.store(time.wholeNanoseconds, ordering: .relaxed)
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
        var work = Work()
        for _ in 0..<Self.turnsPerCall {
            turn(waiting: false, &work)
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
        submit { $0.work.calls.append(call) }
    }

    /// Runs a closure once at the end of the present turn, after all its events, jobs and timers.
    ///
    /// For what is worth gathering: applying changes, flushing output.
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
        // The only way this can fail is a counter at its end, and then the loop is awake.
        _ = try? systemCall("write") { write(wakeup.rawValue, &one, 8) }
    }

    // MARK: The turn

    private func turn(waiting: Bool, _ work: inout Work) {
        let timeout: Int32 = hasWorkOrRests() || !waiting ? 0 : -1
        // On the stack: a turn allocates nothing.
        withUnsafeTemporaryAllocation(of: clinux_event.self, capacity: Self.eventsPerLook) { events in
            let ready = timeout == 0 ? look(into: events, timeout: 0) : sleep(into: events)
            turns.add(1, ordering: .relaxed)
            let outer = turningThread.load(ordering: .relaxed)
            turningThread.store(pthread_self(), ordering: .relaxed)
            defer { turningThread.store(outer, ordering: .relaxed) }
            handle(ready)
            if run(&work) { runDueTimers() }
            runTurnEnds()
        }
    }

    /// Waits for what the kernel will have, awake for the first moments if so wished.
    private func sleep(
        into events: UnsafeMutableBufferPointer<clinux_event>
    ) -> Slice<UnsafeMutableBufferPointer<clinux_event>> {
        let spin = spinNanoseconds.load(ordering: .relaxed)
        if spin > 0 {
            let end = clinux_monotonic_nanoseconds() &+ spin
            repeat {
                let ready = look(into: events, timeout: 0)
                if !ready.isEmpty { return ready }
            } while clinux_monotonic_nanoseconds() < end
        }
        return look(into: events, timeout: -1)
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

    /// Runs calls, and the jobs that there are; jobs that come of those too, so that a task which waits for another
    /// costs no look at the kernel. A call that comes meanwhile is for the next turn.
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
        // First of all in the next turn.
        state.withLock { $0.work.jobs.insert(contentsOf: work.jobs, at: 0) }
        work.jobs.empty()
        return true
    }

    private func runDueTimers() {
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

extension Array {
    /// Keeps its room, but for that of a rush.
    fileprivate mutating func empty() {
        removeAll(keepingCapacity: capacity <= 1_024)
    }
}
