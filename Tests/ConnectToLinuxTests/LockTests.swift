import CConnectToLinux
import ConnectToTesting
import Foundation
import Glibc
import Synchronization
import Testing

@testable import ConnectToLinux

@Suite("Lock", .timeLimit(.minutes(1)))
struct LockTests {
    /// More than the number of locks in a row that gives a thread the bias.
    private static let streak = 300
    private static let disturbances = 10_000
    private static let stops = 1_500

    @Test("A lock admits one thread at a time, however often its bias is revoked")
    func exclusionUnderRevocation() async throws {
        // Not atomic on purpose: if two threads hold the lock at the same time, an increment is lost.
        let sum = Lock(0)
        let own = Atomic(0)
        let isOver = Atomic(false)
        let sums = try await inThreads(2) { number in
            if number == 0 {
                while !isOver.load(ordering: .relaxed) {
                    sum.withLock { $0 += 1 }
                    let count = own.add(1, ordering: .relaxed).newValue
                    // On a single core the other thread runs only when this one yields.
                    if count.isMultiple(of: 2 * Self.streak) { sched_yield() }
                }
                return own.load(ordering: .relaxed)
            }
            for _ in 0..<Self.disturbances {
                let before = own.load(ordering: .relaxed)
                // Wait until the other thread has the bias again.
                while own.load(ordering: .relaxed) < before + Self.streak { sched_yield() }
                sum.withLock { $0 += 1 }
            }
            isOver.store(true, ordering: .relaxed)
            return Self.disturbances
        }
        #expect(sum.withLock { $0 } == sums.reduce(0, +))
    }

    @Test("A lock admits one thread at a time, wherever the owner of its bias is stopped")
    func exclusionWithStoppedOwner() async throws {
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
                // Dispatch's threads block signals, and this thread inherits that from one of them.
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
                    // This thread holds the lock most of the time. The stopped owner must not enter when it continues.
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
            // Wait until the owner has the bias again.
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

    @Test("A thread sleeps until the owner of the bias leaves the lock, and sees what it wrote")
    func waiterSleepsUntilOwnerLeaves() async throws {
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

    @Test("A lock releases its value when it is destroyed")
    func valueIsReleased() {
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

    /// Runs a closure in each of several new threads. Tasks would share threads.
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

/// Stops a thread at any instruction until another thread has got the bias.
private enum Stop {
    static let signal = SIGURG
    static let isOn = Atomic(false)
    /// How many times each thread has locked.
    static let taken: [2 of Atomic<Int>] = [Atomic(0), Atomic(0)]
    static let count = Atomic(0)

    /// The signal handler.
    static func hold() {
        let before = taken[1].load(ordering: .relaxed)
        isOn.store(true, ordering: .relaxed)
        // At most 1 ms, because the stopped thread may hold the lock.
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
