import Glibc
import Synchronization

/// Bounds how many descriptors all peers together can make this process hold that its program has not taken:
/// descriptors in messages that wait, and descriptors that wait to be closed.
///
/// Each line has a bound of its own, but a peer can have many lines, and a process without a free descriptor cannot go
/// on. The bound for all lines is half of the soft RLIMIT_NOFILE as it is at the moment, or less where the process
/// itself has so many open that more would come out of the ``DescriptorReserve``.
///
/// A line asks before it reads whether the budget ``isSpent``. If so, it leaves bytes that carry descriptors in the
/// socket, where they stall their sender and count against the sender's own limit; bytes without descriptors it reads
/// as usual. One recvmsg(2) can exceed the bound by 253 descriptors. Freed room goes to whichever line asks first: a
/// program that takes from one port only after another has delivered can wait for ever, and has to raise its limit.
package enum DescriptorBudget {
    private static let held = Atomic<Int>(0)
    private static let waiting = Lock<[(id: ObjectIdentifier, call: @Sendable () -> Void)]>([])

    package static var isSpent: Bool {
        let held = held.load(ordering: .relaxed)
        if held == 0 { return false }
        return held >= bound || isScarce(held)
    }

    /// Whether the process has too few descriptors left to take more. No event reports a change: ask again.
    package static var isScarce: Bool { isScarce(held.load(ordering: .relaxed)) }

    private static func isScarce(_ held: Int) -> Bool {
        // The check of the reserve costs two system calls; skip it while few descriptors are held.
        held >= DescriptorReserve.forReceivedMessages && DescriptorReserve.containsNext
    }

    private static var bound: Int {
        var limit = rlimit()
        let result = getrlimit(__rlimit_resource_t(bitPattern: RLIMIT_NOFILE.rawValue), &limit)
        return result == 0 ? Int(clamping: limit.rlim_cur / 2) : .max
    }

    /// Records that more descriptors are held, or fewer where `change` is negative.
    package static func count(_ change: Int) {
        held.add(change, ordering: .relaxed)
        if change < 0 { callNext() }
    }

    /// Runs a closure once, when the budget has room again, perhaps before this returns. Closures run one at a time, in
    /// order: each has to end with ``callNext()``.
    /// - Parameter id: for ``stopWaiting(_:)``.
    package static func whenThereIsRoom(for id: ObjectIdentifier, _ call: @escaping @Sendable () -> Void) {
        waiting.withLock { $0.append((id, call)) }
        // Room that was made since the caller looked found no closure to run.
        callNext()
    }

    /// Whether closures wait.
    static var hasWaiting: Bool { waiting.withLock { !$0.isEmpty } }

    /// Releases a closure that waits: its owner needs no room any more.
    package static func stopWaiting(_ id: ObjectIdentifier) {
        // Release it outside of the lock.
        let call = waiting.withLock { calls in calls.firstIndex { $0.id == id }.map { calls.remove(at: $0) } }
        withExtendedLifetime(call) {}
    }

    /// Runs the first waiting closure, if there is room.
    package static func callNext() {
        if isSpent { return }
        let next = waiting.withLock { $0.isEmpty ? nil : $0.removeFirst() }
        next?.call()
    }
}
