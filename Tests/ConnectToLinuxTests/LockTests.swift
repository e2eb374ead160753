import CConnectToLinux
import ConnectToTesting
import Foundation
import Glibc
import Synchronization
import Testing

@testable import ConnectToLinux

@Suite("Lock", .timeLimit(.minutes(1)))
struct LockTests {
    /// More often in a row than it takes to get the bias.
    private static let streak = 300
    private static let disturbances = 10_000
    private static let stops = 1_500

    @Test("lets one thread in at a time, however often the bias is revoked")
    func exclusion() async throws {
        // Not atomic on purpose: an increment is lost where two are in at a time.
        let sum = Lock(0)
        let own = Atomic(0)
        let isOver = Atomic(false)
        let sums = try await inThreads(2) { number in
            if number == 0 {
                while !isOver.load(ordering: .relaxed) {
                    sum.withLock { $0 += 1 }
                    let count = own.add(1, ordering: .relaxed).newValue
                    // Where both have one core, they take turns for this.
                    if count.isMultiple(of: 2 * Self.streak) { sched_yield() }
                }
                return own.load(ordering: .relaxed)
            }
            for _ in 0..<Self.disturbances {
                let before = own.load(ordering: .relaxed)
                // By then the other has the bias again.
                while own.load(ordering: .relaxed) < before + Self.streak { sched_yield() }
                sum.withLock { $0 += 1 }
            }
            isOver.store(true, ordering: .relaxed)
            return Self.disturbances
        }
        #expect(sum.withLock { $0 } == sums.reduce(0, +))
    }

    @Test("lets one thread in at a time, wherever the one that had the bias is stopped")
    func stoppedOwner() async throws {
        let sum = Lock(0)
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in Stop.hold() }
        var old = sigaction()
        try systemCall("sigaction") { sigaction(Stop.signal, &action, &old) }
        defer { sigaction(Stop.signal, &old, nil) }
        let isOver = Atomic(false)
        let owner = Latch<pthread_t>()
        async let counts = inThreads(2) { number in
            if number == 0 {
                // Threads of Dispatch's, of which this is a child, block signals.
                var signals = sigset_t()
                sigaddset(&signals, Stop.signal)
                pthread_sigmask(SIG_UNBLOCK, &signals, nil)
                owner.set(pthread_self())
            }
            var own = 0
            while !isOver.load(ordering: .relaxed) {
                if number == 1, !Stop.isOn.load(ordering: .relaxed) {
                    sched_yield()
                    continue
                }
                sum.withLock { sum in
                    let before = sum
                    // Most of the time it is inside, where the other must not come in when it goes on.
                    if number == 1 { for _ in 0..<20 { _ = clinux_monotonic_nanoseconds() } }
                    sum = before + 1
                }
                own += 1
                Stop.taken[number].add(1, ordering: .relaxed)
            }
            return own
        }
        let thread = try #require(await owner.wait())
        for number in 1...Self.stops {
            // By then it has the bias again.
            let before = Stop.taken[0].load(ordering: .relaxed)
            while Stop.taken[0].load(ordering: .relaxed) < before + Self.streak { sched_yield() }
            pthread_kill(thread, Stop.signal)
            while Stop.count.load(ordering: .relaxed) < number { usleep(50) }
        }
        isOver.store(true, ordering: .relaxed)
        #expect(try await counts.reduce(0, +) == sum.withLock { $0 })
    }

    private final class Shared: Sendable {
        let lock = Lock("")
    }

    @Test("another thread waits, asleep, until the bias's owner is out, and finds what that left")
    func waiting() async throws {
        let shared = Shared()
        for _ in 0..<20 {
            let isBiased = Latch<Void>()
            let waiter = Latch<pid_t>()
            async let left = inThreads(1) { _ in
                for _ in 0..<Self.streak { shared.lock.withLock { _ in } }
                shared.lock.withLock { value in
                    isBiased.set()
                    value = "inside"
                    var thread = waiter.value
                    while thread == nil { thread = waiter.value }
                    while let thread, !isAsleep(thread) { sched_yield() }
                    value = "outside"
                }
                return true
            }
            async let seen = inThreads(1) { _ in
                while isBiased.value == nil { sched_yield() }
                waiter.set(clinux_gettid())
                return shared.lock.withLock { $0 }
            }
            #expect(try await left == [true])
            #expect(try await seen == ["outside"])
        }
    }

    @Test("its value goes with it")
    func value() {
        final class Guarded: Sendable {}
        weak var guarded: Guarded?
        do {
            let object = Guarded()
            guarded = object
            let lock = Lock(object)
            for _ in 0..<Self.streak { lock.withLock { _ in } }
            #expect(guarded != nil)
        }
        #expect(guarded == nil)
    }

    /// Runs a closure in threads of their own: tasks would share them.
    private func inThreads<Result: Sendable>(
        _ count: Int, _ body: @escaping @Sendable (Int) -> Result
    ) async throws -> [Result] {
        var ends: [Latch<Result>] = []
        for number in 0..<count {
            let end = Latch<Result>()
            try startDetachedThread(named: "lock-\(number)") { end.set(body(number)) }
            ends.append(end)
        }
        var results: [Result] = []
        for end in ends { results.append(try #require(await end.wait())) }
        return results
    }
}

/// Stops a thread at whatever instruction it is, until another has got the bias.
private enum Stop {
    static let signal = SIGURG
    static let isOn = Atomic(false)
    /// How often each thread has taken the lock.
    static let taken: [2 of Atomic<Int>] = [Atomic(0), Atomic(0)]
    static let count = Atomic(0)

    /// In the handler of the signal.
    static func hold() {
        let before = taken[1].load(ordering: .relaxed)
        isOn.store(true, ordering: .relaxed)
        // Not for long: the thread may have been stopped inside of the lock.
        let end = clinux_monotonic_nanoseconds() + 1_000_000
        while taken[1].load(ordering: .relaxed) < before + 300, clinux_monotonic_nanoseconds() < end {
            usleep(50)
        }
        isOn.store(false, ordering: .relaxed)
        count.add(1, ordering: .relaxed)
    }
}

private func isAsleep(_ thread: pid_t) -> Bool {
    let status = try? String(contentsOfFile: "/proc/self/task/\(thread)/status", encoding: .utf8)
    return status?.contains("State:\tS") == true
}
