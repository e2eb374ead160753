import HeapModule

/// Deadlines in order, with cancellation in constant time: a cancelled entry stays in the heap, empty, until
/// its turn comes or until the empty ones are the majority.
struct TimerQueue {
    private struct Entry: Comparable {
        let deadline: UInt64
        let id: UInt64

        static func < (a: Entry, b: Entry) -> Bool { (a.deadline, a.id) < (b.deadline, b.id) }
    }

    private var heap = Heap<Entry>()
    private var calls: [UInt64: @Sendable () -> Void] = [:]
    private var nextID: UInt64 = 0

    var earliestDeadline: UInt64? { heap.min?.deadline }

    mutating func insert(deadline: UInt64, _ call: @escaping @Sendable () -> Void) -> UInt64 {
        nextID += 1
        calls[nextID] = call
        heap.insert(Entry(deadline: deadline, id: nextID))
        return nextID
    }

    mutating func cancel(_ id: UInt64) {
        guard calls.removeValue(forKey: id) != nil else { return }
        if heap.count > 2 * calls.count {
            heap = Heap(heap.unordered.filter { calls[$0.id] != nil })
        }
    }

    /// The next that is due, in the order of the deadlines, then of the insertions.
    mutating func removeFirstDue(at now: UInt64) -> (@Sendable () -> Void)? {
        while let first = heap.min, first.deadline <= now {
            heap.removeMin()
            if let call = calls.removeValue(forKey: first.id) { return call }
        }
        return nil
    }
}
