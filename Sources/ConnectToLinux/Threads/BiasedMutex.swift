public import CConnectToLinux
import Glibc
public import Synchronization

/// A biased mutex: it costs next to nothing for a thread that alone uses it for a while.
///
/// A thread that has locked it 200 times in a row, with no other thread in between, becomes the owner of the bias: from
/// then on it locks and unlocks with plain stores, where an ordinary mutex needs two locked instructions, forty cycles
/// in all. Another thread revokes the bias before it locks, which costs an ``AsymmetricFence``, some microseconds; then
/// the lock is an ordinary mutex again. ("Lock Reservation: Java Locks Can Mostly Do Without Atomic Operations",
/// OOPSLA 2002.)
///
/// Under contention a thread spins for a moment and then sleeps. Not recursive.
///
/// What the bias is worth: without it 64-byte messages go one way at 0.6 of the rate, and a round trip takes as long as
/// with it (two processors, the two builds measured in turn, best of five).
///
/// Memory order: owner and revoker each store, pass their half of the fence, and load, as in Dekker's algorithm; those
/// accesses need no other order. The guarded value passes from thread to thread by the release in ``leave(_:)`` and the
/// acquire in ``revoke(_:)``, and otherwise by the mutex.
@usableFromInline
struct BiasedMutex {
    /// One slot for the owner, and one for each earlier owner that may not have noticed its revocation: the kernel may
    /// have stopped that thread just before its store, for any time, and its store must not hit another owner's slot.
    @usableFromInline typealias Slots<Element: ~Copyable> = InlineArray<4, Element>

    /// What threads access that do not hold the lock.
    @usableFromInline
    struct Shared: ~Copyable {
        /// The owner of the bias, with the number of its slot in the lowest bits; or 0. Written with the mutex held.
        @usableFromInline let owner = Atomic<UInt>(0)
        /// 1 while the slot's thread holds the lock through the slot, or is about to check whether it does. Only that
        /// thread writes here.
        @usableFromInline let isInside = Slots<Atomic<UInt32>> { _ in Atomic(0) }
        /// Another thread waits for the owner to leave.
        @usableFromInline let isAwaited = Atomic(false)
    }

    /// What only the thread accesses that holds the lock.
    @usableFromInline
    struct Guarded {
        /// The slot through which that thread locked; negative where it locked the mutex.
        @usableFromInline var slot = -1

        // Used only where the thread locked the mutex:
        /// The thread to which each slot belongs, or 0.
        var slots = Slots<UInt>(repeating: 0)
        var slotsTaken = 0
        /// How many times in a row the last thread has locked the mutex.
        var streak = 0
        var lastThread: UInt = 0
    }

    // Apart, because threads that wait read the shared part all the time, and the guarded part changes often.
    @usableFromInline let shared: UnsafeMutablePointer<Shared>
    @usableFromInline let guarded: UnsafeMutablePointer<Guarded>
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>

    /// A thread gets the bias after locking this many times in a row: a revocation costs as much as the bias saves in
    /// so many locks.
    private static let biasingStreak = 200
    /// How many times a revoking thread checks whether the owner has left before it sleeps.
    private static let spins = 100

    /// The size in bytes of the memory that the mutex lies in, and does not move from.
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
        // The addresses that stand for threads differ in higher bits than those of the slot's number.
        if slot >= 0, slot < Slots<UInt>.count {
            // A second lock by the owner would succeed, and the first unlock would let other threads in.
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
            // The thread is here, so it is not about to check its slot: the slot can be reused.
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

    /// Takes the bias from its owner, and returns once the owner has left the lock.
    private func revoke(_ owner: UInt) {
        let slot = Int(truncatingIfNeeded: owner) & (Slots<UInt>.count - 1)
        shared.pointee.isAwaited.store(true, ordering: .relaxed)
        shared.pointee.owner.store(0, ordering: .relaxed)
        AsymmetricFence.heavy()
        var checks = 0
        while shared.pointee.isInside[slot].load(ordering: .acquiring) != 0 {
            checks += 1
            if checks > Self.spins {
                withUnsafePointer(to: shared.pointee.isInside[slot]) { clinux_futex_wait($0, 1) }
            }
        }
        shared.pointee.isAwaited.store(false, ordering: .relaxed)
    }
}
