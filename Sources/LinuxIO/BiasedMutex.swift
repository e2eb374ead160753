public import CLinux
public import Synchronization

/// A mutex that costs next to nothing for a thread which has it to itself for a while.
///
/// The thread that has taken it some hundred times in a row, with no other in between, is given a bias: from then on
/// it enters and leaves with plain stores, where a mutex needs two locked instructions, forty cycles in all. Another
/// thread that wants in takes the bias away first, at the price of an ``AsymmetricFence``, some microseconds; then
/// it is a mutex again.
///
/// Under contention it spins for a moment and then sleeps. Not recursive.
@usableFromInline
struct BiasedMutex {
    /// What it consists of; stays in one place.
    @usableFromInline
    struct Parts: ~Copyable {
        /// The thread with the bias, or 0. Changed with the mutex held.
        @usableFromInline let favourite = Atomic<UInt>(0)
        /// 1 while the favourite is inside by its bias, or about to look whether it may be.
        @usableFromInline let isInside = Atomic<UInt32>(0)
        /// Somebody waits for the favourite to leave.
        @usableFromInline let isAwaited = Atomic(false)

        // Guarded by the mutex.
        /// How often the last thread has taken it in a row.
        var streak: UInt16 = 0
        var lastThread: UInt = 0
        var mutex = pthread_mutex_t()

        init() {}
    }

    @usableFromInline let parts: UnsafeMutablePointer<Parts>

    /// So often in a row, and a thread has the bias: what taking it away costs, in what it saves each time.
    private static let streakForBias = 200
    /// How often one looks before one sleeps.
    private static let looks = 100

    /// - Parameter memory: for ``Parts``, not initialized.
    init(in memory: UnsafeMutablePointer<Parts>) {
        parts = memory
        parts.initialize(to: Parts())
        clinux_mutex_init(&parts.pointee.mutex)
    }

    func destroy() {
        pthread_mutex_destroy(&parts.pointee.mutex)
        parts.deinitialize(count: 1)
    }

    @inlinable @inline(__always)
    func lock() {
        let thread = clinux_this_thread()
        if parts.pointee.favourite.load(ordering: .relaxed) == thread {
            parts.pointee.isInside.store(1, ordering: .relaxed)
            AsymmetricFence.light()
            if parts.pointee.favourite.load(ordering: .relaxed) == thread { return }
            leaveByBias()
        }
        lockMutex(thread)
    }

    @inlinable @inline(__always)
    func unlock() {
        // Who asks is inside, and this tells which way it came.
        if parts.pointee.isInside.load(ordering: .relaxed) == 0 { unlockMutex() } else { leaveByBias() }
    }

    @inlinable @inline(__always)
    func leaveByBias() {
        parts.pointee.isInside.store(0, ordering: .releasing)
        AsymmetricFence.light()
        if parts.pointee.isAwaited.load(ordering: .relaxed) { wakeAwaiting() }
    }

    @usableFromInline
    func wakeAwaiting() {
        withUnsafePointer(to: parts.pointee.isInside) { clinux_futex_wake($0) }
    }

    @usableFromInline
    func lockMutex(_ thread: UInt) {
        pthread_mutex_lock(&parts.pointee.mutex)
        if parts.pointee.favourite.load(ordering: .relaxed) != 0 { endBias() }
        if parts.pointee.lastThread != thread {
            parts.pointee.lastThread = thread
            parts.pointee.streak = 0
        }
    }

    @usableFromInline
    func unlockMutex() {
        parts.pointee.streak += 1
        if parts.pointee.streak == Self.streakForBias {
            parts.pointee.streak = 0
            parts.pointee.favourite.store(parts.pointee.lastThread, ordering: .relaxed)
        }
        pthread_mutex_unlock(&parts.pointee.mutex)
    }

    /// Returns once the favourite is out, and none any more.
    private func endBias() {
        parts.pointee.isAwaited.store(true, ordering: .relaxed)
        parts.pointee.favourite.store(0, ordering: .relaxed)
        AsymmetricFence.heavy()
        var looks = 0
        while parts.pointee.isInside.load(ordering: .acquiring) != 0 {
            looks += 1
            if looks > Self.looks {
                withUnsafePointer(to: parts.pointee.isInside) { clinux_futex_wait($0, 1) }
            }
        }
        parts.pointee.isAwaited.store(false, ordering: .relaxed)
    }
}
