public import CConnectToLinux
import Glibc
public import Synchronization

/// A mutex with a bias: it costs next to nothing for a thread which has it to itself for a while.
///
/// The thread that has taken it some hundred times in a row, with no other in between, becomes the bias's owner: from
/// then on it enters and leaves with plain stores, where a mutex needs two locked instructions, forty cycles in all.
/// Another thread that wants in revokes the bias first, at the price of an ``AsymmetricFence``, some microseconds; then
/// it is a mutex again. ("Lock Reservation: Java Locks Can Mostly Do Without Atomic Operations", OOPSLA 2002.)
///
/// Under contention it spins for a moment and then sleeps. Not recursive.
///
/// What it is worth: without the bias 64-byte messages go one way at 0.6 of the rate; a round trip takes as long (two
/// processors, both builds by turns, best of five).
///
/// On the order of memory: owner and revoker each store, pass their half of the fence, and load, as in Dekker's
/// algorithm; that is all the order these need. What the lock guards is handed on by the release in ``leave(_:)`` and
/// the acquire in ``revoke(_:)``, and otherwise by the mutex.
@usableFromInline
struct BiasedMutex {
    /// A slot for the owner, and for each one before it of whom it is not known that it has noticed the revocation: it
    /// may have been stopped before its store for as long as it likes, and is not to write where another one does.
    @usableFromInline typealias Slots<Element: ~Copyable> = InlineArray<4, Element>

    /// What threads look at that are not inside.
    @usableFromInline
    struct Shared: ~Copyable {
        /// The bias's owner, and in its lowest bits its slot; or 0. Changed with the mutex held.
        @usableFromInline let owner = Atomic<UInt>(0)
        /// 1 while the slot's thread is inside by it, or about to look whether it may be. Only that thread writes here.
        @usableFromInline let isInside = Slots<Atomic<UInt32>> { _ in Atomic(0) }
        /// Somebody waits for the owner to leave.
        @usableFromInline let isAwaited = Atomic(false)
    }

    /// What only a thread that is inside looks at.
    @usableFromInline
    struct Guarded {
        /// By which slot it came in, or by the mutex where it is negative.
        @usableFromInline var slot = -1

        // Where it came by the mutex:
        /// Whose each slot is, or 0.
        var slots = Slots<UInt>(repeating: 0)
        var slotsTaken = 0
        /// How often the last thread has taken it in a row.
        var streak = 0
        var lastThread: UInt = 0
    }

    // Apart, so that a change of one is no access to another: who waits looks at what is shared all the time.
    @usableFromInline let shared: UnsafeMutablePointer<Shared>
    @usableFromInline let guarded: UnsafeMutablePointer<Guarded>
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>

    /// So often in a row, and a thread gets the bias: what a revocation costs, in what the bias saves each time.
    private static let biasingStreak = 200
    /// How often one looks before one sleeps.
    private static let spins = 100

    /// In bytes: what it stands in, and does not move from.
    static let size =
        MemoryLayout<Shared>.stride + MemoryLayout<Guarded>.stride + MemoryLayout<pthread_mutex_t>.size
    static let alignment = max(
        MemoryLayout<Shared>.alignment, MemoryLayout<Guarded>.alignment,
        MemoryLayout<pthread_mutex_t>.alignment)

    init(in memory: UnsafeMutableRawPointer) {
        shared = memory.bindMemory(to: Shared.self, capacity: 1)
        let behindShared = memory + MemoryLayout<Shared>.stride
        guarded = behindShared.bindMemory(to: Guarded.self, capacity: 1)
        mutex = (behindShared + MemoryLayout<Guarded>.stride)
            .bindMemory(to: pthread_mutex_t.self, capacity: 1)
        shared.initialize(to: Shared())
        guarded.initialize(to: Guarded())
        clinux_mutex_init(mutex)
    }

    func destroy() {
        pthread_mutex_destroy(mutex)
        shared.deinitialize(count: 1)
    }

    @inlinable @inline(__always)
    func lock() {
        let thread = clinux_this_thread()
        let owner = shared.pointee.owner.load(ordering: .relaxed)
        let slot = Int(truncatingIfNeeded: owner ^ thread)
        // Threads differ in higher bits than those.
        if slot >= 0, slot < Slots<UInt>.count {
            // It would go in, and the first to go out would open the lock for all.
            assert(shared.pointee.isInside[slot].load(ordering: .relaxed) == 0, "a Lock is not recursive")
            shared.pointee.isInside[slot].store(1, ordering: .relaxed)
            AsymmetricFence.light()
            if shared.pointee.owner.load(ordering: .relaxed) == owner {
                guarded.pointee.slot = slot
                return
            }
            leave(slot)
        }
        lockMutex(thread)
    }

    @inlinable @inline(__always)
    func unlock() {
        let slot = guarded.pointee.slot
        if slot < 0 { unlockMutex() } else { leave(slot) }
    }

    @inlinable @inline(__always)
    func leave(_ slot: Int) {
        shared.pointee.isInside[slot].store(0, ordering: .releasing)
        AsymmetricFence.light()
        if shared.pointee.isAwaited.load(ordering: .relaxed) { wake(slot) }
    }

    @usableFromInline
    func wake(_ slot: Int) {
        withUnsafePointer(to: shared.pointee.isInside[slot]) { clinux_futex_wake($0) }
    }

    @usableFromInline
    func lockMutex(_ thread: UInt) {
        pthread_mutex_lock(mutex)
        let owner = shared.pointee.owner.load(ordering: .relaxed)
        if owner != 0 { revoke(owner) }
        guarded.pointee.slot = -1
        if guarded.pointee.slotsTaken > 0, let slot = slot(of: thread) {
            // It is here, and so not about to look.
            guarded.pointee.slots[slot] = 0
            guarded.pointee.slotsTaken -= 1
        }
        if guarded.pointee.lastThread != thread {
            guarded.pointee.lastThread = thread
            guarded.pointee.streak = 0
        }
    }

    @usableFromInline
    func unlockMutex() {
        guarded.pointee.streak += 1
        if guarded.pointee.streak == Self.biasingStreak {
            guarded.pointee.streak = 0
            if let free = slot(of: 0) { bias(to: guarded.pointee.lastThread, in: free) }
        }
        pthread_mutex_unlock(mutex)
    }

    private func slot(of thread: UInt) -> Int? {
        guarded.pointee.slots.indices.first { guarded.pointee.slots[$0] == thread }
    }

    private func bias(to thread: UInt, in slot: Int) {
        guarded.pointee.slots[slot] = thread
        guarded.pointee.slotsTaken += 1
        shared.pointee.owner.store(thread | UInt(slot), ordering: .relaxed)
    }

    /// Returns once the owner is out, and owns the bias no more.
    private func revoke(_ owner: UInt) {
        let slot = Int(truncatingIfNeeded: owner) & (Slots<UInt>.count - 1)
        shared.pointee.isAwaited.store(true, ordering: .relaxed)
        shared.pointee.owner.store(0, ordering: .relaxed)
        AsymmetricFence.heavy()
        var looks = 0
        while shared.pointee.isInside[slot].load(ordering: .acquiring) != 0 {
            looks += 1
            if looks > Self.spins {
                withUnsafePointer(to: shared.pointee.isInside[slot]) { clinux_futex_wait($0, 1) }
            }
        }
        shared.pointee.isAwaited.store(false, ordering: .relaxed)
    }
}
