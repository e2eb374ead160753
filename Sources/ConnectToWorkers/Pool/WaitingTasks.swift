import DequeModule

/// The tasks that wait for a worker, the oldest first.
///
/// A task that leaves from the middle leaves the order of all others as it is: its entry stays behind, empty, until it
/// comes to the front or empty entries are the larger part.
struct WaitingTasks: Sendable {
    typealias Instant = SuspendingClock.Instant

    private struct Entry {
        let task: Scheduler.TaskID
        /// When it has waited long enough; nil: never.
        let deadline: Instant?
        var hasLeft = false
    }

    private var entries: Deque<Entry> = []
    /// How many wait.
    private(set) var count = 0
    /// No task's time is over before this; nil where no task has a limit.
    private(set) var earliestDeadline: Instant?

    var isEmpty: Bool { count == 0 }

    /// Adds a task: behind all others, or in its old place where it has waited before. Tasks are numbered in their
    /// order.
    mutating func insert(_ task: Scheduler.TaskID, until deadline: Instant?) {
        entries.insert(Entry(task: task, deadline: deadline), at: index(of: task))
        count += 1
        if let deadline { earliestDeadline = min(earliestDeadline ?? deadline, deadline) }
    }

    mutating func popFirst() -> Scheduler.TaskID? {
        while let entry = entries.popFirst() {
            if entry.hasLeft { continue }
            didRemove()
            return entry.task
        }
        return nil
    }

    /// Takes a task out.
    ///
    /// - Returns: whether it waited.
    mutating func remove(_ task: Scheduler.TaskID) -> Bool {
        let index = index(of: task)
        guard index < entries.count, entries[index].task == task, !entries[index].hasLeft else { return false }
        entries[index].hasLeft = true
        didRemove()
        return true
    }

    private mutating func didRemove() {
        count -= 1
        if entries.count > 2 * count + 16 { entries.removeAll { $0.hasLeft } }
        if count == 0 { earliestDeadline = nil }
    }

    /// Takes out all that have waited long enough.
    mutating func removeOverdue(at now: Instant) -> [Scheduler.TaskID] {
        guard let earliestDeadline, earliestDeadline <= now else { return [] }
        var overdue: [Scheduler.TaskID] = []
        self.earliestDeadline = nil
        for entry in entries where !entry.hasLeft {
            guard let deadline = entry.deadline else { continue }
            if deadline <= now {
                overdue.append(entry.task)
            } else {
                self.earliestDeadline = min(self.earliestDeadline ?? deadline, deadline)
            }
        }
        for task in overdue { _ = remove(task) }
        return overdue
    }

    mutating func removeAll() -> [Scheduler.TaskID] {
        defer { self = WaitingTasks() }
        return entries.lazy.filter { !$0.hasLeft }.map(\.task)
    }

    /// Where a task stands, or would stand: they stand in their order.
    private func index(of task: Scheduler.TaskID) -> Int {
        if let last = entries.last, last.task < task { return entries.count }
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].task < task { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
