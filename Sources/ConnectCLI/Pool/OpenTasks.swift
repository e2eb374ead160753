import DequeModule

/// The tasks that have begun and whose outcomes have not been printed: which outcome is printed next, and whether
/// another task may begin. No more than the limits allow is ever in memory, however many tasks there are.
struct OpenTasks: Sendable {
    struct Limits: Sendable {
        /// How many tasks may run at the same time.
        var running: Int
        /// How many tasks may be done and wait, in the order of the tasks, for one that is still running.
        var waiting = 10_000
        /// How many bytes of answers may wait to be printed before no further task begins.
        var waitingBytes = 64 << 20
    }

    private let limits: Limits
    private let isOrdered: Bool
    /// The outcomes that wait for an earlier task, by the number of the task.
    private var waiting: [Int: TaskOutcome] = [:]
    /// The outcomes that can be printed.
    private var printable: Deque<TaskOutcome> = []
    private var heldBytes = 0
    /// The number of the task whose outcome comes next.
    private var next = 1

    /// How many tasks are running.
    private(set) var running = 0
    /// How many tasks have begun.
    private(set) var begun = 0

    /// - Parameter isOrdered: whether outcomes are printed in the order of the tasks, or as they come.
    init(isOrdered: Bool, limits: Limits) {
        self.isOrdered = isOrdered
        self.limits = limits
    }

    /// Whether another task may begin.
    var hasRoom: Bool {
        running < limits.running && waiting.count + printable.count < limits.waiting && heldBytes < limits.waitingBytes
    }

    /// Whether there is an outcome to print now.
    var hasPrintable: Bool { !printable.isEmpty }

    /// Whether nothing is running and everything has been taken for printing.
    var isEmpty: Bool { running == 0 && waiting.isEmpty && printable.isEmpty }

    /// - Returns: the number of the task, from 1 on.
    mutating func begin() -> Int {
        running += 1
        begun += 1
        return begun
    }

    mutating func finish(_ outcome: TaskOutcome) {
        running -= 1
        heldBytes += outcome.heldBytes
        guard isOrdered else { return printable.append(outcome) }
        waiting[outcome.line] = outcome
        while let outcome = waiting.removeValue(forKey: next) {
            printable.append(outcome)
            next += 1
        }
    }

    /// The outcome to print now; nil if there is none yet.
    mutating func takePrintable() -> TaskOutcome? {
        guard let outcome = printable.popFirst() else { return nil }
        heldBytes -= outcome.heldBytes
        return outcome
    }
}
