import Glibc
import Synchronization

/// How many descriptors all peers together can make this process hold that its program has not taken: those with
/// messages that wait, and those that wait to be closed.
///
/// Every line has a bound of its own; but a peer can have many lines, and a process that has no descriptor left works
/// no more. So there is one bound for all: half of what the process may have open (RLIMIT_NOFILE, the soft limit, as it
/// is at the moment), or fewer where the process itself has so many that they would be of the ``DescriptorReserve``. Who
/// reads asks first whether it ``isSpent``, and then takes nothing that descriptors come with:
/// it waits with the kernel, which stalls its sender, and counts against the sender's own limit. What comes without
/// descriptors is read as ever. Room goes to whoever is there when it is made: a program that takes from one port only
/// after another can wait for ever, and has to raise its limit. One call of the system brings up to 253 more than the
/// bound.
package enum DescriptorBudget {
    private static let held = Atomic<Int>(0)
    private static let waiting = Lock<[@Sendable () -> Void]>([])

    package static var isSpent: Bool {
        let held = held.load(ordering: .relaxed)
        if held == 0 { return false }
        return held >= bound || isScarce(held)
    }

    /// Whether the process has too few for more. Nothing tells when that changes: look again.
    package static var isScarce: Bool { isScarce(held.load(ordering: .relaxed)) }

    private static func isScarce(_ held: Int) -> Bool {
        // To look takes two system calls; a few need none.
        held >= DescriptorReserve.forReceivedMessages && DescriptorReserve.isTouched
    }

    private static var bound: Int {
        var limit = rlimit()
        let result = getrlimit(__rlimit_resource_t(bitPattern: RLIMIT_NOFILE.rawValue), &limit)
        return result == 0 ? Int(clamping: limit.rlim_cur / 2) : .max
    }

    /// - Parameter change: how many more are held, or fewer.
    package static func count(_ change: Int) {
        held.add(change, ordering: .relaxed)
        if change < 0 { callNext() }
    }

    /// Calls once, when there is room again; those who wait have their turn one after the other.
    ///
    /// Whoever is called says by ``callNext()`` that it has had its turn. It may be called before this returns.
    package static func whenThereIsRoom(_ call: @escaping @Sendable () -> Void) {
        waiting.withLock { $0.append(call) }
        // What was let go meanwhile found nobody.
        callNext()
    }

    package static func callNext() {
        if isSpent { return }
        let next = waiting.withLock { $0.isEmpty ? nil : $0.removeFirst() }
        next?()
    }
}
