public import CLinux
public import Synchronization

/// A mutex that costs next to nothing for a thread which has it to itself for a while.
///
/// The thread that has taken it some hundred times in a row, with no other in between, becomes the favourite: from
/// then on it enters and leaves with plain stores, where a mutex needs two locked instructions, forty cycles in all.
/// Another thread that wants in ends that first, at the price of an ``AsymmetricFence``, some microseconds; then it
/// is a mutex again.
///
/// Under contention it spins for a moment and then sleeps. Not recursive.
@usableFromInline
struct BiasedMutex {
    /// How many favourites there may be of whom it is not known that they have noticed that they are none any more.
    @usableFromInline static var seats: Int { 4 }

    /// What it consists of; stays in one place.
    @usableFromInline
    struct Parts: ~Copyable {
        /// The thread, and in its lowest bits the seat that it has; or 0. Changed with the mutex held.
        @usableFromInline let favourite = Atomic<UInt>(0)
        /// 1 while the thread that has the seat is inside by it, or about to look whether it may be. Only that thread
        /// writes here: one that was the favourite may be stopped before its store for as long as it likes.
        @usableFromInline let isInside = InlineArray<4, Atomic<UInt32>> { _ in Atomic(0) }
        /// Somebody waits for the favourite to leave.
        @usableFromInline let isAwaited = Atomic(false)

        /// How whoever is inside came in: by this seat, or by the mutex where it is negative.
        @usableFromInline var seat = -1

        // Guarded by the mutex.
        /// Who has which seat: the favourite, and those before it that have not come by the mutex since; or 0.
        var sitters = InlineArray<4, UInt>(repeating: 0)
        var seatsTaken = 0
        /// How often the last thread has taken it in a row.
        var streak = 0
        var lastThread: UInt = 0
        var mutex = pthread_mutex_t()

        init() {}
    }

    @usableFromInline let parts: UnsafeMutablePointer<Parts>

    /// So often in a row, and a thread is the favourite: what it costs to end that, in what it saves each time.
    private static let streakOfFavourite = 200
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
        let favourite = parts.pointee.favourite.load(ordering: .relaxed)
        let seat = Int(truncatingIfNeeded: favourite ^ thread)
        // Threads differ in higher bits than those.
        if seat >= 0, seat < Self.seats {
            parts.pointee.isInside[seat].store(1, ordering: .relaxed)
            AsymmetricFence.light()
            if parts.pointee.favourite.load(ordering: .relaxed) == favourite {
                parts.pointee.seat = seat
                return
            }
            leave(seat)
        }
        lockMutex(thread)
    }

    @inlinable @inline(__always)
    func unlock() {
        let seat = parts.pointee.seat
        if seat < 0 { unlockMutex() } else { leave(seat) }
    }

    @inlinable @inline(__always)
    func leave(_ seat: Int) {
        parts.pointee.isInside[seat].store(0, ordering: .releasing)
        AsymmetricFence.light()
        if parts.pointee.isAwaited.load(ordering: .relaxed) { wake(seat) }
    }

    @usableFromInline
    func wake(_ seat: Int) {
        withUnsafePointer(to: parts.pointee.isInside[seat]) { clinux_futex_wake($0) }
    }

    @usableFromInline
    func lockMutex(_ thread: UInt) {
        pthread_mutex_lock(&parts.pointee.mutex)
        let favourite = parts.pointee.favourite.load(ordering: .relaxed)
        if favourite != 0 { dismiss(favourite) }
        parts.pointee.seat = -1
        if parts.pointee.seatsTaken > 0, let seat = seat(of: thread) {
            // It is here, and so not about to look.
            parts.pointee.sitters[seat] = 0
            parts.pointee.seatsTaken -= 1
        }
        if parts.pointee.lastThread != thread {
            parts.pointee.lastThread = thread
            parts.pointee.streak = 0
        }
    }

    @usableFromInline
    func unlockMutex() {
        parts.pointee.streak += 1
        if parts.pointee.streak == Self.streakOfFavourite {
            parts.pointee.streak = 0
            if let free = seat(of: 0) {
                let thread = parts.pointee.lastThread
                parts.pointee.sitters[free] = thread
                parts.pointee.seatsTaken += 1
                parts.pointee.favourite.store(thread | UInt(free), ordering: .relaxed)
            }
        }
        pthread_mutex_unlock(&parts.pointee.mutex)
    }

    private func seat(of thread: UInt) -> Int? {
        (0..<Self.seats).first { parts.pointee.sitters[$0] == thread }
    }

    /// Returns once the favourite is out, and none any more.
    private func dismiss(_ favourite: UInt) {
        let seat = Int(truncatingIfNeeded: favourite) & (Self.seats - 1)
        parts.pointee.isAwaited.store(true, ordering: .relaxed)
        parts.pointee.favourite.store(0, ordering: .relaxed)
        AsymmetricFence.heavy()
        var looks = 0
        while parts.pointee.isInside[seat].load(ordering: .acquiring) != 0 {
            looks += 1
            if looks > Self.looks {
                withUnsafePointer(to: parts.pointee.isInside[seat]) { clinux_futex_wait($0, 1) }
            }
        }
        parts.pointee.isAwaited.store(false, ordering: .relaxed)
    }
}
