import HeapModule

/// A queue of closures by deadline. Cancellation takes constant time: the entry of a cancelled closure stays in the
/// heap until it comes first, or until such entries are the majority.
struct TimerQueue {
    private struct Entry: Comparable {
        let deadline: UInt64
        let id: UInt64

        static func < (a: Entry, b: Entry) -> Bool { (a.deadline, a.id) < (b.deadline, b.id) }
    }

    private var heap = Heap<Entry>()
    private var calls: [UInt64: @Sendable () -> Void] = [:]
    private var nextID: UInt64 = 0
    private static let keptCapacity = 256

    var isEmpty: Bool { calls.isEmpty }
    var count: Int { calls.count }

    /// The earliest deadline that is not cancelled.
    mutating func earliestDeadline() -> UInt64? {
        while let first = heap.min {
            if calls[first.id] != nil { return first.deadline }
            heap.removeMin()
        }
        return nil
    }

    mutating func insert(deadline: UInt64, _ call: @escaping @Sendable () -> Void) -> UInt64 {
        nextID += 1
        calls[nextID] = call
        heap.insert(Entry(deadline: deadline, id: nextID))
        return nextID
    }

    /// - Returns: the closure, which will not run, and which the caller releases where that is safe: outside of locks.
    mutating func cancel(_ id: UInt64) -> (@Sendable () -> Void)? {
        guard let call = calls.removeValue(forKey: id) else { return nil }
        if heap.count > 2 * calls.count {
            heap = Heap(heap.unordered.filter { calls[$0.id] != nil })
        }
        releaseUnusedMemory()
        return call
    }

    /// Gives back the memory that a rush of deadlines has left unused.
    private mutating func releaseUnusedMemory() {
        if calls.capacity > Self.keptCapacity, calls.capacity / 8 > calls.count {
            calls = calls.filter { _ in true }
        }
    }

    /// Removes the first closure that is due, ordered by deadline and then by insertion.
    mutating func removeFirstDue(at now: UInt64) -> (@Sendable () -> Void)? {
        while let first = heap.min, first.deadline <= now {
            heap.removeMin()
            if let call = calls.removeValue(forKey: first.id) { return call }
        }
        return nil
    }
}
