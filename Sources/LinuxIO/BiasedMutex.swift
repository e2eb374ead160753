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

    /// What threads look at that are not inside.
    @usableFromInline
    struct Marks: ~Copyable {
        /// The thread, and in its lowest bits the seat that it has; or 0. Changed with the mutex held.
        @usableFromInline let favourite = Atomic<UInt>(0)
        /// 1 while the thread that has the seat is inside by it, or about to look whether it may be. Only that thread
        /// writes here: one that was the favourite may be stopped before its store for as long as it likes.
        @usableFromInline let isInside = InlineArray<4, Atomic<UInt32>> { _ in Atomic(0) }
        /// Somebody waits for the favourite to leave.
        @usableFromInline let isAwaited = Atomic(false)
    }

    /// What only a thread that is inside looks at.
    @usableFromInline
    struct Books {
        /// By which seat it came in, or by the mutex where it is negative.
        @usableFromInline var seat = -1

        // Where it came by the mutex:
        /// Who has which seat: the favourite, and those before it that have not come by the mutex since; or 0.
        var sitters = InlineArray<4, UInt>(repeating: 0)
        var seatsTaken = 0
        /// How often the last thread has taken it in a row.
        var streak = 0
        var lastThread: UInt = 0
    }

    // Apart, so that a change of one is no access to another: who waits looks at marks and mutex all the time.
    @usableFromInline let marks: UnsafeMutablePointer<Marks>
    @usableFromInline let books: UnsafeMutablePointer<Books>
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>

    /// So often in a row, and a thread is the favourite: what it costs to end that, in what it saves each time.
    private static let streakOfFavourite = 200
    /// How often one looks before one sleeps.
    private static let looks = 100

    /// In bytes: what it stands in, and does not move from.
    static let size =
        MemoryLayout<Marks>.stride + MemoryLayout<Books>.stride + MemoryLayout<pthread_mutex_t>.size
    static let alignment = max(
        MemoryLayout<Marks>.alignment, MemoryLayout<Books>.alignment, MemoryLayout<pthread_mutex_t>.alignment)

    init(in memory: UnsafeMutableRawPointer) {
        marks = memory.bindMemory(to: Marks.self, capacity: 1)
        let behindMarks = memory + MemoryLayout<Marks>.stride
        books = behindMarks.bindMemory(to: Books.self, capacity: 1)
        mutex = (behindMarks + MemoryLayout<Books>.stride)
            .bindMemory(to: pthread_mutex_t.self, capacity: 1)
        marks.initialize(to: Marks())
        books.initialize(to: Books())
        clinux_mutex_init(mutex)
    }

    func destroy() {
        pthread_mutex_destroy(mutex)
        marks.deinitialize(count: 1)
    }

    @inlinable @inline(__always)
    func lock() {
        let thread = clinux_this_thread()
        let favourite = marks.pointee.favourite.load(ordering: .relaxed)
        let seat = Int(truncatingIfNeeded: favourite ^ thread)
        // Threads differ in higher bits than those.
        if seat >= 0, seat < Self.seats {
            marks.pointee.isInside[seat].store(1, ordering: .relaxed)
            AsymmetricFence.light()
            if marks.pointee.favourite.load(ordering: .relaxed) == favourite {
                books.pointee.seat = seat
                return
            }
            leave(seat)
        }
        lockMutex(thread)
    }

    @inlinable @inline(__always)
    func unlock() {
        let seat = books.pointee.seat
        if seat < 0 { unlockMutex() } else { leave(seat) }
    }

    @inlinable @inline(__always)
    func leave(_ seat: Int) {
        marks.pointee.isInside[seat].store(0, ordering: .releasing)
        AsymmetricFence.light()
        if marks.pointee.isAwaited.load(ordering: .relaxed) { wake(seat) }
    }

    @usableFromInline
    func wake(_ seat: Int) {
        withUnsafePointer(to: marks.pointee.isInside[seat]) { clinux_futex_wake($0) }
    }

    @usableFromInline
    func lockMutex(_ thread: UInt) {
        pthread_mutex_lock(mutex)
        let favourite = marks.pointee.favourite.load(ordering: .relaxed)
        if favourite != 0 { dismiss(favourite) }
        books.pointee.seat = -1
        if books.pointee.seatsTaken > 0, let seat = seat(of: thread) {
            // It is here, and so not about to look.
            books.pointee.sitters[seat] = 0
            books.pointee.seatsTaken -= 1
        }
        if books.pointee.lastThread != thread {
            books.pointee.lastThread = thread
            books.pointee.streak = 0
        }
    }

    @usableFromInline
    func unlockMutex() {
        books.pointee.streak += 1
        if books.pointee.streak == Self.streakOfFavourite {
            books.pointee.streak = 0
            if let free = seat(of: 0) {
                let thread = books.pointee.lastThread
                books.pointee.sitters[free] = thread
                books.pointee.seatsTaken += 1
                marks.pointee.favourite.store(thread | UInt(free), ordering: .relaxed)
            }
        }
        pthread_mutex_unlock(mutex)
    }

    private func seat(of thread: UInt) -> Int? {
        (0..<Self.seats).first { books.pointee.sitters[$0] == thread }
    }

    /// Returns once the favourite is out, and none any more.
    private func dismiss(_ favourite: UInt) {
        let seat = Int(truncatingIfNeeded: favourite) & (Self.seats - 1)
        marks.pointee.isAwaited.store(true, ordering: .relaxed)
        marks.pointee.favourite.store(0, ordering: .relaxed)
        AsymmetricFence.heavy()
        var looks = 0
        while marks.pointee.isInside[seat].load(ordering: .acquiring) != 0 {
            looks += 1
            if looks > Self.looks {
                withUnsafePointer(to: marks.pointee.isInside[seat]) { clinux_futex_wait($0, 1) }
            }
        }
        marks.pointee.isAwaited.store(false, ordering: .relaxed)
    }
}
